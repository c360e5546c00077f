import type { Cloud, CredentialSecret } from '@claw-cloud/contracts';

/** `accessKeyId` as `CLAW_SMOKE_ACCESS_KEY_ID`. */
export const variableOf = (field: string): string =>
  `CLAW_SMOKE_${field.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;

/**
 * The cloud's credential from the environment, in the fields its form asks for: `CLAW_SMOKE_<FIELD>`, and
 * `CLAW_SMOKE_TOKEN` where it is one secret. Raises an error that names the variables and shows no value.
 */
export function credentialFrom(cloud: Cloud, variables: Readonly<Record<string, string>>): CredentialSecret {
  const wished = variables.CLAW_SMOKE_METHOD;
  // A role trusts one platform by the owner's external id there; this platform and its owner are new each time.
  const methods = cloud.methods.filter(({ fields }) => fields.some(({ secret }) => secret));
  const method = wished === undefined ? methods[0] : methods.find(({ id }) => id === wished);
  if (!method) {
    const known = methods.map(({ id }) => id).join(', ');
    throw new Error(`CLAW_SMOKE_METHOD: at ${cloud.name} the smoke test signs in with ${known}.`);
  }
  const [only] = method.fields;
  const values = method.fields.map((field) => {
    const variable = variableOf(field.name);
    const value =
      variables[variable] ?? (method.fields.length === 1 ? variables.CLAW_SMOKE_TOKEN : undefined);
    return { field, variable, value };
  });
  const missing = values.filter(({ value }) => value === undefined);
  if (missing.length > 0) {
    const names =
      method.fields.length === 1 ? 'CLAW_SMOKE_TOKEN' : missing.map(({ variable }) => variable).join(', ');
    const what = method.fields.length === 1 ? (only?.label ?? 'credential') : method.label;
    throw new Error(`Set ${names} to your ${what} of ${cloud.name}. docs/clouds says how to make one.`);
  }
  for (const { field, variable, value = '' } of values)
    if (!new RegExp(field.pattern).test(value)) throw new Error(`${variable}: ${field.hint}`);
  return {
    provider: cloud.id,
    ...(cloud.methods.length > 1 ? { method: method.id } : {}),
    ...Object.fromEntries(values.map(({ field, value = '' }) => [field.name, value])),
  };
}
