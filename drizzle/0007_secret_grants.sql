-- Secrets are the service's alone. Supabase grants everything on new tables to these roles, so it is taken back.
DO $$
BEGIN
  IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'authenticated') THEN
    REVOKE ALL ON secrets FROM anon, authenticated;
  END IF;
END
$$;
