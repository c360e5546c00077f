import { type Cloud, type CredentialMethod, CredentialSecret } from '@claw-cloud/contracts';

/** What is wrong with what was typed, by the field's name, in the descriptor's own words; empty when nothing is. */
export function wrongFields(
  method: Pick<CredentialMethod, 'fields'>,
  typed: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const wrong: Record<string, string> = {};
  for (const { name, pattern, hint } of method.fields) {
    const value = (typed[name] ?? '').trim();
    // Of the whole value, whether the pattern says so or not.
    if (value === '' || !new RegExp(`^(?:${pattern})$`, 'u').test(value)) wrong[name] = hint;
  }
  return wrong;
}

/**
 * What is sealed of a filled-in form: the fields of the method, without what was pasted around them, and which method it
 * is where the cloud has several. Raises a RangeError when a field is wrong: ask `wrongFields` first.
 */
export function credentialSecret(
  cloud: Pick<Cloud, 'id' | 'methods'>,
  methodId: string,
  typed: Readonly<Record<string, string>>,
): CredentialSecret {
  const method = cloud.methods.find(({ id }) => id === methodId);
  if (!method) throw new RangeError(`${cloud.id} has no way "${methodId}" to give access.`);
  const [wrong] = Object.keys(wrongFields(method, typed));
  if (wrong !== undefined) throw new RangeError(`The field "${wrong}" is not right.`);
  return CredentialSecret.parse({
    provider: cloud.id,
    ...(cloud.methods.length > 1 ? { method: method.id } : {}),
    ...Object.fromEntries(method.fields.map(({ name }) => [name, (typed[name] ?? '').trim()])),
  });
}
