/** What a property may hold, as the official SDK declares it. */
export type Kind =
  | { readonly kind: 'string' | 'number' | 'boolean' | 'any' }
  | { readonly kind: 'array'; readonly of: Kind }
  | { readonly kind: 'map'; readonly of: Kind }
  | { readonly kind: 'object'; readonly properties: Shape };

export type Shape = { readonly [name: string]: Kind & { readonly required?: boolean } };

/** One resource, as the official SDK's declarations describe it. */
export type ResourceShape = { readonly inputs: Shape; readonly state: Shape };

/** Written by `sdk/generate.ts` from the official SDK; `functions` are what a program can ask without making anything. */
export type SdkShape = {
  readonly package: string;
  readonly version: string;
  readonly provider: Shape;
  readonly resources: { readonly [type: string]: ResourceShape };
  readonly functions: { readonly [token: string]: { readonly inputs: Shape; readonly result: Shape } };
};
