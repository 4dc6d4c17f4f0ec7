"""What certcheck keeps between runs: certificate generations, the journal, and one lock."""
