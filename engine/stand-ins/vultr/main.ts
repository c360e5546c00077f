import type { SdkShape } from '../protocol/properties.ts';
import { serve } from '../protocol/serve.ts';
import { connect } from './client.ts';
import { firewallGroup } from './firewall-group.ts';
import { firewallRule } from './firewall-rule.ts';
import { instance } from './instance.ts';
import properties from './properties.json' with { type: 'json' };

serve({ name: 'vultr', connect, resources: [instance, firewallGroup, firewallRule] }, properties as SdkShape);
