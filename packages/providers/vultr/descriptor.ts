import type { Cloud } from '@claw-cloud/contracts';
import { policy } from './policy.ts';

export const usersUrl = 'https://my.vultr.com/users/';
export const apiUrl = 'https://my.vultr.com/settings/#settingsapi';
export const billingUrl = 'https://my.vultr.com/billing/';

const acls = policy.permissions.map(({ name }) => name);

/** What a person sees of Vultr before anything is asked of it. */
export const descriptor: Cloud = {
  id: 'vultr',
  name: 'Vultr',
  sandbox: false,
  methods: [
    {
      id: 'key',
      label: 'API key',
      about: null,
      steps: [
        'Sign in at Vultr, or sign up: it asks for a way to pay before it makes a server.',
        'Open the menu of your account at the top right and choose Account, then API. For a key of a user of its own, which we recommend, read how to limit it first.',
        'If it says that the API is off, choose "Enable API".',
        'Under Personal Access Token (or API Keys), make a key with the name "claw-cloud" and copy it at once: it is shown only this one time. When it expires, Claw Cloud can no longer start or destroy the server.',
        'On the same page, under Access Control, add {egressAddresses}: each as a subnet with /32 (IPv4) or /128 (IPv6). Should one be missing, the check names the address that Vultr saw.',
        'Take "Any IPv4" and "Any IPv6" out of Access Control, so that the key is worth nothing to anybody else.',
      ],
      limiting: [
        `A key may do all that its user may. Make a user just for this (Manage Organization, Users, Add User) with these permissions only: ${acls.join(', ')}. Then make the key in that user's API Access.`,
        "It then can't see invoices, domains, users or support. It can't be bound to single servers: it reaches all of the account's.",
        'Every user has an Access Control of its own: put the addresses in that of this user.',
        'A sub-account (Account, Sub-Accounts) keeps your other servers out of its reach altogether.',
      ],
      deleting: [
        "Open Account, API (or the user's API Access), find the key by its name and choose the bin beside it. The server goes on running and costing.",
        'Destroy the server before you delete its key, or delete it by hand: it bears a tag that begins with claw-ins_.',
      ],
      fields: [
        {
          name: 'apiKey',
          label: 'API key',
          placeholder: '36 capital letters and digits',
          secret: true,
          pattern: '^[A-Za-z0-9_-]{20,200}$',
          hint: 'A key of Vultr has letters and digits only, 36 of them as a rule.',
        },
      ],
      links: [
        { label: 'Open the API page at Vultr', href: apiUrl },
        { label: 'Open the users at Vultr', href: usersUrl },
        {
          label: 'How access control works',
          href: 'https://docs.vultr.com/platform/iam/organizations/manage-user-api-access/how-to-manage-vultr-api-access-control-for-users',
        },
      ],
      policy: {
        title: "The permissions of the key's user",
        fileName: 'vultr-user-acls.json',
        text: `${JSON.stringify({ api_enabled: true, acls }, null, 2)}\n`,
      },
    },
  ],
  billing: {
    stopped: 'full',
    stoppedNote:
      'Vultr bills a server until it is destroyed, also while it is off: its CPU, memory, disk and address stay reserved.',
    resizeNote:
      'The server restarts with the larger size, which takes a few minutes. Vultr never makes a server smaller again: its disk grows too. The new price counts from that hour.',
  },
};
