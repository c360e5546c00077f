import postgres from 'postgres';

const defaultTable = 'pulumi_state';
const timeoutSeconds = 10;

/** Whether a Pulumi backend is its Postgres one. */
export const keepsStateInRows = (backendUrl: string): boolean =>
  /^postgres(ql)?:$/.test(new URL(backendUrl).protocol);

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
  const url = new URL(backendUrl);
  const table = url.searchParams.get('table') ?? defaultTable;
  url.searchParams.delete('table');
  const sql = postgres(url.toString(), {
    max: 1,
    connect_timeout: timeoutSeconds,
    idle_timeout: 1,
    onnotice: () => undefined,
    connection: { statement_timeout: timeoutSeconds * 1000 },
  });
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
