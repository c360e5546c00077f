import { describe, expect, test } from 'vitest';
import { permissionsOf, ruleChanges, rulesIn } from './security-group-rules.ts';
import { signedHeaders } from './signature.ts';
import { readXml } from './xml.ts';

test('a request is signed as in the published examples of Signature Version 4', () => {
  const { authorization } = signedHeaders(
    {
      url: new URL('https://example.amazonaws.com/'),
      body: 'Param1=value1',
      service: 'service',
      region: 'us-east-1',
      now: new Date('2015-08-30T12:36:00Z'),
      contentType: 'application/x-www-form-urlencoded',
    },
    { accessKey: 'AKIDEXAMPLE', secretKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' },
  );
  expect(authorization).toBe(
    'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
  );
});

describe('an answer in XML', () => {
  test('becomes objects, lists and text', () => {
    const source = `<?xml version="1.0"?><Answer xmlns="x"><set><item><a>1 &lt; 2 &#38; 3</a><empty/></item><item><a/></item></set><one><b>x</b></one></Answer>`;
    expect(readXml(source)).toEqual({
      Answer: { set: [{ a: '1 < 2 & 3', empty: '' }, { a: '' }], one: { b: 'x' } },
    });
  });

  test('is refused when it isn’t well formed', () => {
    expect(() => readXml('<a><b></a></b>')).toThrow('</a> ends <b>');
    expect(() => readXml('<a><b></b>')).toThrow('<a> does not end');
    expect(() => readXml('<a>'.repeat(100))).toThrow('too deeply');
  });
});

describe('the rules of a security group', () => {
  const everywhere = {
    protocol: '-1',
    fromPort: 0,
    toPort: 0,
    cidrBlocks: ['0.0.0.0/0'],
    ipv6CidrBlocks: ['::/0'],
  };
  const answered = [
    {
      ipProtocol: '-1',
      ipRanges: [{ cidrIp: '0.0.0.0/0' }],
      ipv6Ranges: [{ cidrIpv6: '::/0' }],
    },
  ];

  test('read back as the program grouped them', () => {
    const apart = [
      { protocol: '-1', fromPort: 0, toPort: 0, cidrBlocks: ['0.0.0.0/0'] },
      { protocol: '-1', fromPort: 0, toPort: 0, ipv6CidrBlocks: ['::/0'] },
    ];
    expect(rulesIn('sg-1', answered, apart)).toMatchObject(apart);
    expect(rulesIn('sg-1', answered, [])).toMatchObject([everywhere]);
  });

  test('show what was added by hand, and only that goes', () => {
    const opened = [
      ...answered,
      { ipProtocol: 'tcp', fromPort: '22', toPort: '22', ipRanges: [{ cidrIp: '0.0.0.0/0' }] },
    ];
    const rules = rulesIn('sg-1', opened, [everywhere]);
    expect(rules).toHaveLength(2);
    const { removed, added } = ruleChanges(rules, [everywhere]);
    expect(added).toEqual([]);
    expect(permissionsOf('sg-1', removed)).toMatchObject([
      { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '0.0.0.0/0' }] },
    ]);
  });
});
