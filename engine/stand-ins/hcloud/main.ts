import type { SdkShape } from '../protocol/properties.ts';
import { serve } from '../protocol/serve.ts';
import { connect } from './client.ts';
import { firewall } from './firewall.ts';
import properties from './properties.json' with { type: 'json' };
import { server } from './server.ts';

// Only ever compared with the plugin that is built from Hetzner's own provider: that one can always be had.
serve({ name: 'hcloud', connect, resources: [server, firewall] }, properties as SdkShape);
