import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DescribeInstancesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { GetProductsCommand, PricingClient } from '@aws-sdk/client-pricing';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { type ErrorCode, ProductError } from '@claw-cloud/contracts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asked, explainEngineText } from '../aws/errors.ts';

interface Recorded {
  readonly request: string;
  readonly service: 'ec2' | 'sts' | 'pricing';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly reference: string;
  readonly means: ErrorCode;
  readonly says: readonly string[];
}

const folder = join(import.meta.dirname, '../aws/recorded');
const files = readdirSync(folder).sort();
const read = (file: string) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as Recorded;

describe('what AWS answered, in the words of the product', () => {
  let server: Server;
  let endpoint: string;
  let answer: Recorded;

  beforeAll(async () => {
    server = createServer((request, response) => {
      request.resume();
      response.writeHead(answer.status, answer.headers).end(answer.body);
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  async function ask({ service }: Recorded): Promise<unknown> {
    const config = {
      endpoint,
      region: 'eu-central-1',
      maxAttempts: 1,
      credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x'.repeat(40) },
    };
    if (service === 'ec2') return asked(new EC2Client(config).send(new DescribeInstancesCommand({})));
    if (service === 'sts') return asked(new STSClient(config).send(new GetCallerIdentityCommand({})));
    return asked(new PricingClient(config).send(new GetProductsCommand({ ServiceCode: 'AmazonEC2' })));
  }

  test.each(files)('%s', async (file) => {
    answer = read(file);
    const error = await ask(answer).then(
      () => null,
      (raised: unknown) => raised,
    );
    if (!(error instanceof ProductError)) throw new Error(`not an error of ours: ${String(error)}`);
    expect(error.code).toBe(answer.means);
    for (const word of answer.says) expect(`${error.message} ${error.fix}`).toContain(word);
    expect(error.options.cause ?? error.cause).toMatchObject({ reference: answer.reference });
    // AWS's own texts hold names, ids and an encoded message: none of them is passed on.
    const told = JSON.stringify([error.message, error.fix, error.options]);
    expect(told).not.toMatch(/secret-name|123456789012|AKIA|Encoded|4GIOHlTk/);
  });

  test('an answer that nobody foresaw keeps its reference for people, too', async () => {
    answer = read('418-unheard-of.json');
    await expect(ask(answer)).rejects.toMatchObject({
      code: 'cloud_unexpected',
      fix: expect.stringContaining(answer.reference),
    });
  });

  test('no answer at all is an unreachable cloud', async () => {
    const client = new EC2Client({
      endpoint: 'http://127.0.0.1:9',
      region: 'eu-central-1',
      maxAttempts: 1,
      credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x'.repeat(40) },
    });
    await expect(asked(client.send(new DescribeInstancesCommand({})))).rejects.toMatchObject({
      code: 'cloud_unavailable',
    });
  });
});

describe('what the engine says of AWS', () => {
  const engine = (operation: string, status: number, code: string, text: string) =>
    `error: creating EC2 Instance: operation error EC2: ${operation}, https response error StatusCode: ${status}, RequestID: 0f7d3e2a-9b1c-4c55-8e0d-2f1a6b7c8d9e, api error ${code}: ${text}`;

  test('an unauthorized operation is named, its encoded message left out', () => {
    const error = explainEngineText(
      engine(
        'RunInstances',
        403,
        'UnauthorizedOperation',
        'You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/x is not authorized. Encoded authorization failure message: 4GIOHlTkIaWHQD0Q0m6XSnuU',
      ),
    );
    expect(error).toMatchObject({
      code: 'credential_powerless',
      message: 'The key or role may not do RunInstances.',
    });
    expect(JSON.stringify([error?.message, error?.fix, error?.options])).not.toMatch(/4GIO|123456789012/);
  });

  test.each([
    ['VcpuLimitExceeded', 'quota_reached'],
    ['InsufficientInstanceCapacity', 'size_sold_out'],
    ['Unsupported', 'size_unknown'],
    ['InvalidAMIID.NotFound', 'image_unavailable'],
    ['PendingVerification', 'account_unverified'],
    ['AuthFailure', 'credential_rejected'],
    ['RequestLimitExceeded', 'cloud_rate_limited'],
    ['InternalError', 'cloud_unavailable'],
    ['SomethingNew', 'cloud_unexpected'],
  ] as const)('%s means %s', (code, means) => {
    expect(explainEngineText(engine('RunInstances', 400, code, 'text'))?.code).toBe(means);
  });

  test.each([
    [
      "unexpected state 'terminated', wanted target 'running'. last error: Server.InternalError: Internal error on launch",
      'cloud_unexpected',
    ],
    [
      "unexpected state 'shutting-down', wanted target 'running'. last error: Client.VolumeLimitExceeded: Volume limit exceeded",
      'quota_reached',
    ],
    [
      "unexpected state 'terminated', wanted target 'running'. last error: Server.InsufficientInstanceCapacity: Insufficient capacity",
      'size_sold_out',
    ],
    [
      "timeout while waiting for state to become 'running' (last state: 'pending', timeout: 10m0s)",
      'cloud_unavailable',
    ],
    ["couldn't find resource (21 retries)", 'cloud_unexpected'],
  ] as const)('a server that was given up: %s', (text, means) => {
    expect(explainEngineText(`waiting for EC2 Instance (i-1) create: ${text}`)?.code).toBe(means);
  });

  test('a text without AWS’s words is nothing of AWS', () => {
    expect(explainEngineText('error: something else went wrong')).toBe(null);
    expect(explainEngineText('dial tcp: connection refused')?.code).toBe('cloud_unavailable');
  });
});
