import postgres from 'postgres';
import { type Finding, findIn, findInFiles } from '../support/canary.ts';
import type { Lab } from './lab.ts';

/** Where any secret of the lab stands in clear: rows of every database, the provisioner's log, every file of it. */
export async function secretsInClear(lab: Lab): Promise<{ findings: Finding[]; bytes: number }> {
  const canaries = Object.fromEntries(
    [...lab.secrets].map(([value, what], index) => [`${what} (${index})`, value]),
  );
  const findings: Finding[] = [];
  let bytes = 0;
  const look = (text: string, where: string) => {
    bytes += text.length;
    findings.push(...findIn(Buffer.from(text), where, canaries));
  };
  for (const name of ['claw', 'pulumi', 'queue'] as const) {
    const sql = postgres(lab.database.postgresUrl(name), { max: 1 });
    const tables = await sql<{ name: string }[]>`
      select format('%I.%I', schemaname, tablename) as name from pg_tables
      where schemaname not in ('pg_catalog', 'information_schema')`;
    for (const table of tables) {
      const rows = await sql.unsafe(`select t::text as row from ${table.name} t`);
      const text = rows.map(({ row }) => String(row)).join('\n');
      look(text, table.name);
      // bytea is shown as hex: what is text inside becomes readable again.
      look(
        text.replaceAll(/\\x([0-9a-f]+)/g, (_, hex: string) => Buffer.from(hex, 'hex').toString('utf8')),
        table.name,
      );
    }
    await sql.end();
  }
  look(lab.log.join('\n'), 'the log');
  findings.push(...findInFiles(lab.dir, canaries).findings);
  return { findings, bytes };
}
