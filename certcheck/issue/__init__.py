"""ACT: certificates from any RFC 8555 certificate authority, by ACME."""
