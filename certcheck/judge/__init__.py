"""JUDGE: what is wrong with what was seen, by published rules; pure, without network or clock."""
