-- One JSON object of numbers: what there is to know of the server without slowing it down.
SET statement_timeout = '5s';
WITH d AS (
    SELECT sum(xact_commit) AS commits, sum(xact_rollback) AS rollbacks, sum(blks_read) AS read, sum(blks_hit) AS hit,
           sum(tup_returned) AS returned, sum(tup_fetched) AS fetched, sum(tup_inserted) AS inserted,
           sum(tup_updated) AS updated, sum(tup_deleted) AS deleted, sum(deadlocks) AS deadlocks,
           sum(temp_bytes) AS temp_bytes, sum(conflicts) AS conflicts
      FROM pg_stat_database
), a AS (
    SELECT count(*) FILTER (WHERE state = 'active') AS active,
           count(*) FILTER (WHERE state = 'idle') AS idle,
           count(*) FILTER (WHERE state LIKE 'idle in transaction%') AS idle_in_transaction,
           count(*) FILTER (WHERE wait_event_type = 'Lock') AS waiting,
           count(*) AS connections,
           max(extract(epoch FROM clock_timestamp() - query_start)) FILTER (WHERE state = 'active') AS longest_query_s,
           max(extract(epoch FROM clock_timestamp() - xact_start)) AS longest_transaction_s
      FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
)
SELECT json_build_object(
    'version', current_setting('server_version_num')::int,
    'uptime_s', round(extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())::numeric, 1),
    'connections', a.connections,
    'max_connections', current_setting('max_connections')::int,
    'active', a.active, 'idle', a.idle, 'idle_in_transaction', a.idle_in_transaction, 'waiting', a.waiting,
    'longest_query_s', round(coalesce(a.longest_query_s, 0)::numeric, 3),
    'longest_transaction_s', round(coalesce(a.longest_transaction_s, 0)::numeric, 3),
    'commits', d.commits, 'rollbacks', d.rollbacks, 'deadlocks', d.deadlocks, 'conflicts', d.conflicts,
    'blocks_read', d.read, 'blocks_hit', d.hit,
    'hit_ratio', round(coalesce(d.hit::numeric / nullif(d.hit + d.read, 0), 1), 4),
    'rows_returned', d.returned, 'rows_fetched', d.fetched,
    'rows_inserted', d.inserted, 'rows_updated', d.updated, 'rows_deleted', d.deleted,
    'temp_bytes', d.temp_bytes,
    'databases', (SELECT count(*) FROM pg_database WHERE datallowconn AND NOT datistemplate),
    'bytes', (SELECT sum(pg_database_size(oid)) FROM pg_database),
    'oldest_transaction_age', (SELECT max(age(datfrozenxid)) FROM pg_database),
    'standby', pg_is_in_recovery()::int,
    'replicas', (SELECT count(*) FROM pg_stat_replication)
) FROM d, a;
