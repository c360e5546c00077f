import { z } from 'zod';
import { ProviderId } from './common.ts';

/** A field of a credential as its form shows it. */
export const CredentialField = z.object({
  /** The name under which the value is sealed. */
  name: z.string().regex(/^[a-zA-Z][a-zA-Z0-9]{0,39}$/),
  label: z.string().max(60),
  placeholder: z.string().max(100),
  /** Hidden while typed. */
  secret: z.boolean(),
  /** Of the whole value, as the platform's RegExp takes it: wrong input is said before anything is sealed. */
  pattern: z.string().max(300),
  /** What to say when the pattern doesn't match. */
  hint: z.string().max(200),
});
export type CredentialField = z.infer<typeof CredentialField>;

export const Link = z.object({ label: z.string().max(80), href: z.string().max(500) });
export type Link = z.infer<typeof Link>;

/**
 * One way to give access to a cloud account: a token, a pair of keys, a role. In its texts and links `{externalId}`
 * stands for the owner's own external id and `{egressAddresses}` for the addresses that this platform calls clouds from,
 * as in "1.2.3.4 and 1.2.3.5"; any other name in braces is one of the operator's CLOUD_FACTS (`{awsAccount}`). A list of
 * clouds has them filled in.
 */
export const CredentialMethod = z.object({
  /** Sealed as the field `method` where a cloud has several. */
  id: z.string().regex(/^[a-z][a-z-]{0,29}$/),
  label: z.string().max(60),
  /** Why one would choose it, where there are several. */
  about: z.string().max(300).nullable(),
  /** For someone who has never made one: where to click, which scopes. */
  steps: z.array(z.string().max(500)).max(20),
  /** How to give it no more than it needs. */
  limiting: z.array(z.string().max(500)).max(10),
  /** How to take it back at the cloud. */
  deleting: z.array(z.string().max(500)).max(10),
  fields: z.array(CredentialField).max(10),
  links: z.array(Link).max(6),
  /** What the credential must be allowed, in the cloud's own machine-readable form, to copy; null where it has none. */
  policy: z
    .object({ title: z.string().max(80), fileName: z.string().max(80), text: z.string().max(30_000) })
    .nullable(),
});
export type CredentialMethod = z.infer<typeof CredentialMethod>;

/** All that a client knows about a cloud. Nothing in it is secret. */
export const Cloud = z.object({
  id: ProviderId,
  /** The name a person knows it by. */
  name: z.string().max(60),
  sandbox: z.boolean(),
  methods: z.array(CredentialMethod).min(1).max(4),
  billing: z.object({
    /** Whether a server that is switched off goes on costing, in full, in part (its disk, its address) or not. */
    stopped: z.enum(['full', 'part', 'nothing']),
    /** The same in a sentence, shown where a server is stopped. */
    stoppedNote: z.string().max(300),
    /** Shown where a server is resized. */
    resizeNote: z.string().max(300),
  }),
});
export type Cloud = z.infer<typeof Cloud>;

/** The clouds of this platform, for one owner. */
export const CloudList = z.object({
  clouds: z.array(Cloud).max(50),
  /** What the owner's roles must ask for, so that nobody else can have us use them. */
  externalId: z.string().max(100),
});
export type CloudList = z.infer<typeof CloudList>;
