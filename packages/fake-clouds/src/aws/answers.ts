import { randomUUID } from 'node:crypto';

/** An answer of AWS to a request that it doesn't carry out. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

const escaped = (text: string): string =>
  text.replace(/[&<>]/g, (letter) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[letter] ?? letter);

const xml = (body: string, status: number): Response =>
  new Response(`<?xml version="1.0" encoding="UTF-8"?>\n${body}`, {
    status,
    headers: { 'content-type': 'text/xml;charset=UTF-8', 'x-amzn-requestid': randomUUID() },
  });

/** EC2's way to refuse. */
export const ec2Refusal = ({ status, code, message }: Refusal): Response =>
  xml(
    `<Response><Errors><Error><Code>${code}</Code><Message>${escaped(message)}</Message></Error></Errors><RequestID>${randomUUID()}</RequestID></Response>`,
    status,
  );

/** STS's way to refuse. */
export const stsRefusal = ({ status, code, message }: Refusal): Response =>
  xml(
    `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>${code}</Code><Message>${escaped(message)}</Message></Error><RequestId>${randomUUID()}</RequestId></ErrorResponse>`,
    status,
  );

/** How Pricing and Service Quotas, which speak JSON, refuse. */
export const jsonRefusal = ({ status, code, message }: Refusal): Response =>
  new Response(JSON.stringify({ __type: code, message }), {
    status,
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amzn-errortype': code,
      'x-amzn-requestid': randomUUID(),
    },
  });

export const jsonAnswer = (body: unknown): Response =>
  new Response(JSON.stringify(body), {
    status: 200,
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': randomUUID() },
  });

export const stsAnswer = (action: string, result: string): Response =>
  xml(
    `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${action}Result>${result}</${action}Result><ResponseMetadata><RequestId>${randomUUID()}</RequestId></ResponseMetadata></${action}Response>`,
    200,
  );

/** The texts of every `<name>` in a text of XML, nested ones included; enough for what moto answers. */
export const textsOf = (body: string, name: string): string[] =>
  [...body.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))].map((match) => match[1] ?? '');

/** The `<item>`s directly inside the first `<set>`. */
export function itemsOf(body: string, set: string): string[] {
  const start = body.indexOf(`<${set}>`);
  if (start < 0) return [];
  const items: string[] = [];
  let depth = 0;
  let from = 0;
  for (const match of body.slice(start).matchAll(/<(\/?)item>|<\/([A-Za-z]+)>/g)) {
    if (match[2] === set && depth === 0) break;
    if (match[2] !== undefined) continue;
    const at = start + match.index;
    if (match[1] === '') {
      if (depth === 0) from = at;
      depth += 1;
    } else {
      depth -= 1;
      if (depth === 0) items.push(body.slice(from, at + '</item>'.length));
    }
  }
  return items;
}
