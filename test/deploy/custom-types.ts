import { Type } from '../../src/api/schema.ts';

/**
 * The parts of other projects' types that deploy/ uses, written from their API references; what is not listed here is
 * not known to exist. (prometheus-operator: API reference of monitoring.coreos.com/v1; OpenShift: Security APIs,
 * SecurityContextConstraints of security.openshift.io/v1.)
 */
const closed = { additionalProperties: false };
const texts = Type.Record(Type.String(), Type.String());
const metadata = Type.Object(
  {
    name: Type.String(),
    namespace: Type.Optional(Type.String()),
    labels: Type.Optional(texts),
    annotations: Type.Optional(texts),
  },
  closed,
);
const keyOf = Type.Object({ name: Type.String(), key: Type.String() }, closed);
const duration = Type.String({ pattern: '^[0-9]+(ms|s|m|h)$' });
const strategy = Type.Object(
  { type: Type.Enum(['RunAsAny', 'MustRunAs', 'MustRunAsRange', 'MustRunAsNonRoot']) },
  closed,
);

/** By `apiVersion/kind`. */
export const customTypes = {
  'monitoring.coreos.com/v1/PodMonitor': Type.Object(
    {
      apiVersion: Type.String(),
      kind: Type.String(),
      metadata,
      spec: Type.Object(
        {
          selector: Type.Object({ matchLabels: texts }, closed),
          podMetricsEndpoints: Type.Array(
            Type.Object(
              {
                port: Type.String(),
                path: Type.String({ pattern: '^/' }),
                scheme: Type.Enum(['http', 'https']),
                interval: duration,
                scrapeTimeout: duration,
                authorization: Type.Object({ type: Type.String(), credentials: keyOf }, closed),
                tlsConfig: Type.Object(
                  { serverName: Type.String(), ca: Type.Object({ secret: keyOf }, closed) },
                  closed,
                ),
                relabelings: Type.Optional(
                  Type.Array(
                    Type.Object(
                      {
                        sourceLabels: Type.Array(Type.String()),
                        targetLabel: Type.String(),
                        action: Type.Enum(['replace']),
                      },
                      closed,
                    ),
                  ),
                ),
              },
              closed,
            ),
          ),
        },
        closed,
      ),
    },
    closed,
  ),
  'monitoring.coreos.com/v1/PrometheusRule': Type.Object(
    {
      apiVersion: Type.String(),
      kind: Type.String(),
      metadata,
      spec: Type.Object(
        {
          groups: Type.Array(
            Type.Object(
              {
                name: Type.String(),
                rules: Type.Array(
                  Type.Object(
                    {
                      alert: Type.String({ pattern: '^Pullwhy[A-Z]' }),
                      expr: Type.String(),
                      for: duration,
                      labels: Type.Object({ severity: Type.Enum(['info', 'warning', 'critical']) }, closed),
                      annotations: Type.Object(
                        {
                          summary: Type.String({ minLength: 10 }),
                          description: Type.String({ minLength: 20 }),
                          runbook: Type.String({ minLength: 40, pattern: '\\.$' }),
                        },
                        closed,
                      ),
                    },
                    closed,
                  ),
                ),
              },
              closed,
            ),
          ),
        },
        closed,
      ),
    },
    closed,
  ),
  'security.openshift.io/v1/SecurityContextConstraints': Type.Object(
    {
      apiVersion: Type.String(),
      kind: Type.String(),
      metadata,
      allowPrivilegedContainer: Type.Boolean(),
      allowPrivilegeEscalation: Type.Boolean(),
      allowHostDirVolumePlugin: Type.Boolean(),
      allowHostNetwork: Type.Boolean(),
      allowHostPorts: Type.Boolean(),
      allowHostPID: Type.Boolean(),
      allowHostIPC: Type.Boolean(),
      readOnlyRootFilesystem: Type.Boolean(),
      allowedCapabilities: Type.Array(Type.String()),
      defaultAddCapabilities: Type.Array(Type.String()),
      requiredDropCapabilities: Type.Array(Type.String()),
      seccompProfiles: Type.Array(Type.String()),
      runAsUser: strategy,
      seLinuxContext: strategy,
      fsGroup: strategy,
      supplementalGroups: strategy,
      volumes: Type.Array(
        Type.Enum(['configMap', 'downwardAPI', 'emptyDir', 'hostPath', 'persistentVolumeClaim', 'projected', 'secret']),
      ),
      users: Type.Array(Type.String()),
      groups: Type.Array(Type.String()),
    },
    closed,
  ),
} as const;
