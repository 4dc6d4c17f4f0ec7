"""certcheck: change the certificates of mail servers without surprises."""

__version__ = "0.1.0"
