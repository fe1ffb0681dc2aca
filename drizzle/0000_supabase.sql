-- What Supabase has and a plain Postgres or PGlite has not: the roles that its gateway speaks as, and auth.uid().
-- Where they exist they are left alone.
DO $$
DECLARE
  missing text;
BEGIN
  FOREACH missing IN ARRAY ARRAY['anon', 'authenticated', 'service_role'] LOOP
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = missing) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', missing);
    END IF;
  END LOOP;
EXCEPTION
  WHEN duplicate_object OR unique_violation THEN
    NULL; -- roles belong to the whole server: another database's migration made them at the same moment
  WHEN insufficient_privilege THEN
    RAISE NOTICE 'no right to create roles: only the service can read the tables';
END
$$;
--> statement-breakpoint
DO $$
BEGIN
  IF to_regprocedure('auth.uid()') IS NULL THEN
    CREATE SCHEMA IF NOT EXISTS auth;
    CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $uid$
      SELECT coalesce(
        nullif(current_setting('request.jwt.claim.sub', true), ''),
        nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
      )::uuid
    $uid$;
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'authenticated') THEN
      GRANT USAGE ON SCHEMA auth TO anon, authenticated, service_role;
    END IF;
  END IF;
END
$$;
