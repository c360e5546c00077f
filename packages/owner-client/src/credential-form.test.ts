import type { Cloud, CredentialField } from '@claw-cloud/contracts';
import { describe, expect, it } from 'vitest';
import { credentialSecret, wrongFields } from './credential-form.ts';

const field = (name: string, pattern: string): CredentialField => ({
  name,
  label: name,
  placeholder: '',
  secret: true,
  pattern,
  hint: `${name} is not right`,
});
const method = (id: string, fields: CredentialField[]): Cloud['methods'][number] => ({
  id,
  label: id,
  about: null,
  steps: [],
  limiting: [],
  deleting: [],
  fields,
  links: [],
  policy: null,
});
const keys = method('keys', [field('keyId', '[A-Z]{4}'), field('secretKey', '^.{8}$')]);
const role = method('role', [field('role', 'arn:.+')]);
const cloud = { id: 'somewhere', methods: [keys, role] };

describe('a credential’s form', () => {
  it('says by the descriptor’s words what is wrong, of the whole value', () => {
    expect(wrongFields(keys, {})).toEqual({
      keyId: 'keyId is not right',
      secretKey: 'secretKey is not right',
    });
    expect(wrongFields(keys, { keyId: 'ABCDE', secretKey: '12345678' })).toEqual({
      keyId: 'keyId is not right',
    });
    expect(wrongFields(keys, { keyId: ' ABCD\n', secretKey: '12345678 ' })).toEqual({});
  });

  it('seals the fields of the chosen way and nothing else that was typed', () => {
    const typed = { keyId: ' ABCD', secretKey: '12345678', role: 'arn:x', provider: 'elsewhere' };
    expect(credentialSecret(cloud, 'keys', typed)).toEqual({
      provider: 'somewhere',
      method: 'keys',
      keyId: 'ABCD',
      secretKey: '12345678',
    });
    expect(credentialSecret({ ...cloud, methods: [role] }, 'role', typed)).toEqual({
      provider: 'somewhere',
      role: 'arn:x',
    });
  });

  it('seals nothing wrong', () => {
    expect(() => credentialSecret(cloud, 'keys', {})).toThrow('keyId');
    expect(() => credentialSecret(cloud, 'other', {})).toThrow(RangeError);
  });
});
