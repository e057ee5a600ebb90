"""The words on the command line: reading arguments, printing answers, exit codes. No rules of the product live here."""
