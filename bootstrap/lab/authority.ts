import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext, type SecureContext } from 'node:tls';
import { withLock } from './lock.ts';
import { mustRun } from './program.ts';

/** The lab's certificate authority: machines trust it, nobody else. */
export interface Authority {
  certificate: string;
  /** A server's context for one name, signed at its first use. */
  contextFor(host: string): Promise<SecureContext>;
}

const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Opens the authority in `folder`, made at the first use. */
export async function openAuthority(folder: string): Promise<Authority> {
  const file = join(folder, 'ca.crt');
  if (!existsSync(file)) {
    await withLock(join(folder, 'lock'), 60_000, async () => {
      if (existsSync(file)) return;
      const subject = ['-days', '3650', '-subj', '/CN=Claw Cloud lab'];
      const out = ['-keyout', join(folder, 'ca.key'), '-out', `${file}.new`];
      await mustRun(['openssl', 'req', '-x509', ...key, ...subject, ...out]);
      renameSync(`${file}.new`, file);
    });
  }
  const certificate = readFileSync(file, 'utf8');
  const contexts = new Map<string, Promise<SecureContext>>();

  async function sign(host: string): Promise<SecureContext> {
    if (!/^[a-z0-9.-]{1,200}$/.test(host)) throw new Error(`'${host}' is not a host name.`);
    const made = join(folder, 'hosts', host);
    const stale =
      existsSync(`${made}.crt`) &&
      Date.parse(new X509Certificate(readFileSync(`${made}.crt`)).validTo) < Date.now() + 86_400_000;
    if (stale || !existsSync(`${made}.crt`)) {
      mkdirSync(join(folder, 'hosts'), { recursive: true });
      const own = `${made}.${process.pid}`;
      writeFileSync(`${own}.ext`, `subjectAltName=DNS:${host}\nbasicConstraints=CA:FALSE\n`);
      await mustRun([
        'openssl',
        'req',
        '-new',
        ...key,
        '-subj',
        '/CN=lab',
        '-keyout',
        `${own}.key`,
        '-out',
        `${own}.csr`,
      ]);
      const from = ['-CA', file, '-CAkey', join(folder, 'ca.key'), '-set_serial', String(Date.now())];
      await mustRun([
        'openssl',
        'x509',
        '-req',
        '-in',
        `${own}.csr`,
        ...from,
        '-days',
        '90',
        '-extfile',
        `${own}.ext`,
        '-out',
        `${own}.crt`,
      ]);
      // Key and certificate belong together, also when two labs sign the same name at once: one file holds both.
      writeFileSync(`${own}.pem`, readFileSync(`${own}.crt`, 'utf8') + readFileSync(`${own}.key`, 'utf8'));
      renameSync(`${own}.pem`, `${made}.crt`);
      for (const end of ['ext', 'key', 'csr', 'crt']) rmSync(`${own}.${end}`, { force: true });
    }
    const both = readFileSync(`${made}.crt`, 'utf8');
    return createSecureContext({ key: both, cert: both });
  }
  return {
    certificate,
    contextFor(host) {
      let context = contexts.get(host);
      if (!context) {
        context = sign(host);
        context.catch(() => contexts.delete(host));
        contexts.set(host, context);
      }
      return context;
    },
  };
}
