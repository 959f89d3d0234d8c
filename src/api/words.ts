import { causeIds, layers } from '../model/cause-id.ts';
import { Type } from './schema.ts';

/** The closed vocabularies of the documents, as schemas. */

/** Every cause's identifier (README, "Causes"). */
export const Cause = Type.Enum([...causeIds], { description: 'a cause; identifiers never change' });

/** The part of a pull that a cause belongs to, in the order of a pull. */
export const LayerName = Type.Enum([...layers], { description: 'the part of a pull' });

/** How sure a finding is. */
export const ConfidenceName = Type.Enum(['proven', 'likely', 'possible']);

/** The sum of an investigation. */
export const VerdictName = Type.Enum(['healthy', 'degraded', 'faulty', 'inconclusive']);

/** The pod's imagePullPolicy. */
export const PolicyName = Type.Enum(['Always', 'IfNotPresent', 'Never']);

/** The version of every document's shape. */
export const ApiVersion = Type.Literal('pullwhy/v1');
