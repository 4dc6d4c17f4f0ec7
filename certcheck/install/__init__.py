"""Acting on mail servers: read what they use, swap files, reload, prove, put back."""
