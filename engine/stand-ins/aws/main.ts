import type { SdkShape } from '../protocol/properties.ts';
import { serve } from '../protocol/serve.ts';
import { connect } from './client.ts';
import { instance } from './instance.ts';
import { internetGateway } from './internet-gateway.ts';
import properties from './properties.json' with { type: 'json' };
import { questions } from './questions.ts';
import { routeTable } from './route-table.ts';
import { routeTableAssociation } from './route-table-association.ts';
import { securityGroup } from './security-group.ts';
import { subnet } from './subnet.ts';
import { tag } from './tag.ts';
import { vpc } from './vpc.ts';

serve(
  {
    name: 'aws',
    connect,
    questions,
    resources: [
      instance,
      internetGateway,
      routeTable,
      routeTableAssociation,
      securityGroup,
      subnet,
      tag,
      vpc,
    ],
  },
  properties as SdkShape,
);
