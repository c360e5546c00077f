import postgres from 'postgres';

const defaultTable = 'pulumi_state';
const timeoutSeconds = 10;

/** Whether a Pulumi backend is its Postgres one. */
export const keepsStateInRows = (backendUrl: string): boolean =>
  /^postgres(ql)?:$/.test(new URL(backendUrl).protocol);

const urlAndTable = (backendUrl: string): { readonly url: string; readonly table: string } => {
  const url = new URL(backendUrl);
  const table = url.searchParams.get('table') ?? defaultTable;
  url.searchParams.delete('table');
  return { url: url.toString(), table };
};

const connect = (url: string) =>
  postgres(url, {
    max: 1,
    connect_timeout: timeoutSeconds,
    idle_timeout: 1,
    onnotice: () => undefined,
    connection: { statement_timeout: timeoutSeconds * 1000 },
  });

/**
 * Makes the table of Pulumi's Postgres backend as the CLI would, one caller after the other. Every start of the CLI says
 * `create table if not exists`, and Postgres lets all but one of those that come first at the same moment fail: without
 * this, of several first deploys only one goes through. Does nothing for other backends. Raises an error that names the
 * setting where the database can't be used.
 */
export async function prepareStateTable(backendUrl: string): Promise<void> {
  if (!keepsStateInRows(backendUrl)) return;
  const { url, table } = urlAndTable(backendUrl);
  const sql = connect(url);
  try {
    await sql.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(hashtext(${`make ${table}`}))`;
      await tx`
        create table if not exists ${tx(table)} (
          key text primary key, data json not null, updated_at timestamp with time zone not null default now()
        )`;
      await tx`create index if not exists ${tx(`${table}_key_prefix_idx`)} on ${tx(table)} (key text_pattern_ops)`;
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`PULUMI_BACKEND_URL: the engine can not keep its state there: ${why}`, { cause: error });
  } finally {
    await sql.end({ timeout: 2 });
  }
}

/**
 * Deletes everything that Pulumi's Postgres backend keeps of a stack: state, history, backups, locks. `pulumi stack rm`
 * would leave all but the first, and costs a start of the CLI. Call it when nothing of the stack runs any more. Returns
 * how many rows went.
 */
export async function deleteStateRows(
  backendUrl: string,
  project: string,
  stackName: string,
): Promise<number> {
  const { url, table } = urlAndTable(backendUrl);
  const sql = connect(url);
  try {
    const [exists] = await sql`select to_regclass(${table}) is not null as yes`;
    if (!exists?.yes) return 0;
    // The stack's name stands between slashes or before a dot; ids hold no characters that like treats specially but _.
    const exact = `(^|/)${stackName}(/|\\.|$)`;
    const rows = await sql`
      delete from ${sql(table)} where key like ${'%.pulumi/%'} and position(${`/${project}/`} in key) > 0 and key ~ ${exact}
      returning 1`;
    return rows.length;
  } finally {
    await sql.end({ timeout: 2 });
  }
}
