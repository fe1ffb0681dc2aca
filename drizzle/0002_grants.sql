-- Signed-in people read their own rows and write none: a job is made by the service alone, which keeps the limits.
-- Supabase grants everything on new tables to these roles, so it is taken back first.
DO $$
BEGIN
  IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'authenticated') THEN
    REVOKE ALL ON users, identities, jobs, job_logs, segments, cards, plan_cache FROM anon, authenticated;
    GRANT USAGE ON SCHEMA public TO authenticated;
    GRANT SELECT ON users, identities, jobs, job_logs, segments, cards TO authenticated;
  END IF;
END
$$;
