import type { Rule } from './rule.ts';

/** The image is there and is not for this node or this runtime: words of containerd and docker. */
export const manifestRules: readonly Rule[] = [
  {
    id: 'manifest/platform',
    pattern:
      /no match for (?:current )?platform (?:\S+ )?in(?: the)? manifest|snapshotter \S+ does not support platform|no manifest found for platform|no matching manifest for (?<platform>\S+)|image operating system "[^"]*" cannot be used on this platform|does not match the (?:specified|expected|detected) (?:host )?platform|cannot be used on this platform|container operating system does not match the host operating system|operating system of the container does not match the operating system of the host|no supported platform found in manifest|no child with platform/,
    cause: 'platform-mismatch',
    confidence: 'proven',
    scope: 'pull',
    examples: [
      { text: 'no match for platform in manifest: not found', seen: 'containerd 1.3 to 2.1' },
      {
        text: 'failed to create shim task: hcs::CreateComputeSystem 5ea1: The container operating system does not match the host operating system.: unknown',
        seen: 'containerd 1.6 to 2.0 on Windows',
      },
      { text: 'no matching manifest for linux/arm64/v8 in the manifest list entries', seen: 'docker 17 to 26' },
      { text: 'no match for current platform linux/arm/v7 in manifest sha256:aa: not found', seen: 'containerd 1.2' },
    ],
    lookalikes: ['reg.example/web:9: not found'],
  },
  {
    id: 'manifest/schema1',
    pattern:
      /manifest\.v1\+(?:prettyjws|json)|Pulling Schema 1 images|schema ?1 (?:support|images?|not supported|image manifests)|(?:manifest version 2, )?schema 1 .{0,60}(?:deprecated|removed|no longer)|Docker Image Format v1|missing signature key|failed to resolve (?:reference "[^"]*"|image): no signatures|failed to get converter/i,
    cause: 'manifest-unsupported',
    confidence: 'likely',
    scope: 'pull',
    examples: [
      {
        text: 'media type "application/vnd.docker.distribution.manifest.v1+prettyjws" is no longer supported since containerd v2.1',
        seen: 'containerd 2.1',
      },
      { text: 'failed to resolve reference "reg.example/web:1": no signatures', seen: 'containerd 1.6, 1.7' },
    ],
    lookalikes: ['reading manifest 1 in reg.example/web: received unexpected HTTP status: 502 Bad Gateway'],
  },
  {
    id: 'manifest/media-type',
    pattern:
      /(?:unexpected|unsupported|unknown|unrecognized|encountered unknown|reference for unknown) (?:manifest )?(?:media ?type|type|MIME type)[: ]+"?(?<mediaType>(?!text\/html)application\/[\w.+-]+)|unsupported (?:docker v2s2 |OCI )?(?:manifest )?media ?type(?! "?text\/html)|[Uu]nimplemented manifest (?:list )?MIME type|unknown media type of original layer|unsupported image-specific operation on artifact|no processor for media-type|mismatched image rootfs and manifest layers|number of layers and diffIDs don't match|layers from manifest don't match image configuration|manifest invalid|mediaType in manifest should be|(?<type>application\/[\w.+-]+)"? (?:is )?not supported/i,
    cause: 'manifest-unsupported',
    confidence: 'likely',
    alternatives: ['registry-invalid-response', 'unpack-failed'],
    scope: 'pull',
    examples: [
      {
        text: 'unexpected media type application/vnd.cncf.helm.config.v1+json for sha256:aa: not found',
        seen: 'containerd 1.6, 1.7, a Helm chart',
      },
      { text: 'mismatched image rootfs and manifest layers', seen: 'containerd 1.6' },
      { text: 'unsupported docker v2s2 media type: ""', seen: 'CRI-O 1.16 to 1.36' },
      {
        text: 'unsupported image-specific operation on artifact with type "application/vnd.cncf.helm.config.v1+json"',
        seen: 'containers/image 5.21 to 5.36, a Helm chart',
      },
    ],
    lookalikes: ['unexpected media type text/html for sha256:aa: not found'],
  },
  {
    id: 'manifest/too-large',
    pattern: /rejecting \d+ byte manifest/,
    cause: 'manifest-unsupported',
    confidence: 'likely',
    alternatives: ['registry-invalid-response'],
    scope: 'pull',
    examples: [
      { text: 'rejecting 9000000 byte manifest for reg.example/web:1: not found', seen: 'containerd 1.6 to 2.1' },
    ],
    lookalikes: [],
  },
  {
    id: 'manifest/blob-not-found',
    pattern:
      /could not fetch content descriptor (?<digest>\S+) .{0,120}from remote: not found|blob[ _]unknown|unknown blob|(?:reading|fetching) blob.{0,200}(?:404|not found)/i,
    cause: 'blob-unreachable',
    confidence: 'likely',
    alternatives: ['mirror-failed', 'registry-error'],
    scope: 'pull',
    examples: [
      {
        text: 'could not fetch content descriptor sha256:aa (application/vnd.oci.image.layer.v1.tar+gzip) from remote: not found',
        seen: 'containerd 1.3 to 2.1',
      },
    ],
    lookalikes: ['content digest sha256:aa: not found'],
  },
];
