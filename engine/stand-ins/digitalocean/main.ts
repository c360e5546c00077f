import type { SdkShape } from '../protocol/properties.ts';
import { serve } from '../protocol/serve.ts';
import { connect } from './client.ts';
import { droplet } from './droplet.ts';
import { firewall } from './firewall.ts';
import properties from './properties.json' with { type: 'json' };
import { tag } from './tag.ts';

serve({ name: 'digitalocean', connect, resources: [droplet, firewall, tag] }, properties as SdkShape);
