"""Thin clients of other people's servers: HTTP, etcd, ZooKeeper, Elasticsearch.

Each speaks one protocol, raises this project's own errors, and has a deadline on every call. They may not know what is
sent by them or why; there is no policy here, and no retry: whoever calls decides whether to try again.
"""
