"""What images/build is made of: it needs Python's own library and the `docker` command, and knows nothing of tests."""
