import type { Socket } from 'node:dgram';
import type { FaultBoard } from './faults.ts';

export interface Names {
  /** Addresses of a name the lab knows; undefined for all others. */
  find(name: string): { ipv4?: string; ipv6?: string } | undefined;
  /** Where every other name leads. */
  elsewhere: string;
}

const A = 1;
const AAAA = 28;
const serverFailure = 2;
const refused = 5;

function bytesOf6(address: string): Buffer {
  const [head = '', tail = ''] = address.split('::');
  const words = (text: string) =>
    text
      .split(':')
      .filter(Boolean)
      .map((word) => Number.parseInt(word, 16));
  const [left, right] = [words(head), words(tail)];
  const bytes = Buffer.alloc(16);
  for (const [i, word] of left.entries()) bytes.writeUInt16BE(word, i * 2);
  for (const [i, word] of right.entries()) bytes.writeUInt16BE(word, 16 - (right.length - i) * 2);
  return bytes;
}

function readQuestion(query: Buffer): { name: string; type: number; end: number } | undefined {
  const labels: string[] = [];
  let at = 12;
  while (at < query.length && query[at] !== 0) {
    const length = query[at]!;
    if (length > 63 || at + 1 + length > query.length) return undefined;
    labels.push(query.toString('latin1', at + 1, at + 1 + length).toLowerCase());
    at += 1 + length;
  }
  if (at + 5 > query.length) return undefined;
  return { name: labels.join('.'), type: query.readUInt16BE(at + 1), end: at + 5 };
}

/** The answer to a DNS query (RFC 1035), with a lifetime of nothing so that a fault is felt at once. */
export function answer(query: Buffer, names: Names, failure?: number): Buffer | undefined {
  if (query.length < 17 || query.readUInt16BE(4) !== 1) return undefined;
  const question = readQuestion(query);
  if (!question) return undefined;
  const known = names.find(question.name);
  const ipv4 = known ? known.ipv4 : names.elsewhere;
  let data: Buffer | undefined;
  if (question.type === A && ipv4) data = Buffer.from(ipv4.split('.').map(Number));
  if (question.type === AAAA && known?.ipv6) data = bytesOf6(known.ipv6);
  if (failure) data = undefined;
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  // A response, authoritative, recursion as asked for and available.
  header.writeUInt16BE(0x8480 | (query.readUInt16BE(2) & 0x0100) | (failure ?? 0), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(data ? 1 : 0, 6);
  const parts = [header, query.subarray(12, question.end)];
  if (data) {
    const record = Buffer.from([0xc0, 12, 0, question.type, 0, 1, 0, 0, 0, 0, 0, data.length]);
    parts.push(record, data);
  }
  return Buffer.concat(parts);
}

/** Answers on a socket until it is closed. */
export function serveDns(socket: Socket, names: Names, faults: FaultBoard): void {
  socket.on('message', (query, from) => {
    const fault = faults.take('dns');
    if (fault === 'hang') return;
    const failure = fault === undefined ? undefined : fault === 'refuse' ? refused : serverFailure;
    const reply = answer(query, names, failure);
    if (reply) socket.send(reply, from.port, from.address, () => undefined);
  });
  socket.on('error', () => undefined);
}
