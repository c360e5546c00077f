import manifest from '../package.json' with { type: 'json' };

/** The version of the api, as in its package.json. */
export const version: string = manifest.version;
