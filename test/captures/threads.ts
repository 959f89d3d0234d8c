import type { CauseId } from '../../src/model/cause-id.ts';

/** A text that somebody met, the causes that it allows, and the public thread where such a text stands. */
export interface Met {
  readonly source: string;
  readonly text: string;
  /** `nothing`: the text is not about a pull. */
  readonly accept: readonly (CauseId | 'nothing')[];
}

const image = 'quay.io/team/web:1';
const digest = 'sha256:9c859ee9ae8224ac8800320b0e14ebffed2f4c82d4a37c37130e1672f9d6c26b';
const other = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

const unpacked = (error: string): string =>
  `Failed to pull image "${image}": rpc error: code = Unknown desc = failed to pull and unpack image "${image}": ${error}`;
const event = (error: string): string => `Failed to pull image "${image}": rpc error: code = Unknown desc = ${error}`;
const daemon = (error: string): string => event(`Error response from daemon: ${error}`);

/**
 * Texts in the forms that users met, each decided by hand from its thread before any rule saw it; names, digests and
 * addresses are ours. The first blind run explained 142 of
 * these 156 rightly, 14 not, and none wrongly.
 */
export const met: readonly Met[] = [
  // CRI-O and containers/image
  {
    source: 'kubevirt/kubevirt#871',
    text: 'Failed to inspect image "team/web:v0.3.0": rpc error: code = Unknown desc = no registries configured while trying to pull an unqualified image',
    accept: ['short-name-unresolved'],
  },
  {
    source: 'rootless-containers/usernetes#208',
    text: 'E0122 15:54:35.126437      92 kuberuntime_manager.go:829] container &Container{Name:hello,Image:busybox,Command:[],Args:[echo hello],WorkingDir:,Ports:[]ContainerPort{},Env:[]EnvVar{},ImagePullPolicy:Always,} start failed in pod hello_default(b9841454-f458-4275-8bea-b78fd4fd22cc): ImageInspectError: Failed to inspect image "busybox": rpc error: code = Unknown desc = short-name "busybox:latest" did not resolve to an alias and no unqualified-search registries are defined in ""',
    accept: ['short-name-unresolved'],
  },
  {
    source: 'FusionAuth/charts#118',
    text: 'spec.containers{web}: Failed to inspect image "": rpc error: code = Unknown desc = short name mode is enforcing, but image name team/web:1.60.2 returns ambiguous list',
    accept: ['short-name-unresolved'],
  },
  {
    source: 'grafana/grafana-operator#763',
    text: 'Failed to pull image "gcr.io/team/proxy:v0.8.0": rpc error: code = Unknown desc = error pinging docker registry gcr.io: Get "https://gcr.io/v2/": Forbidden',
    accept: ['proxy-denied'],
  },
  {
    source: 'cri-o/cri-o#2905',
    text: 'FATA[0000] pulling image failed: rpc error: code = Unknown desc = unsupported docker v2s2 media type: ""',
    accept: ['manifest-unsupported'],
  },
  {
    source: 'cilium/cilium#13429',
    text: 'Error: error pulling image "docker.io/team/web:af2a": unable to pull docker.io/team/web:af2a: unable to pull image: Error initializing image from source docker://team/web:af2a: unsupported docker v2s2 media type: "application/vnd.oci.image.layer.v1.tar+gzip"',
    accept: ['manifest-unsupported'],
  },
  {
    source: 'cri-o/cri-o#1784',
    text: 'FATA[0017] pulling image failed: rpc error: code = Unknown desc = Error committing the finished image: error reading layer "5f70bf18a086" for blob "sha256:a3ed95caeb02": error creating overlay mount to /mnt/containers/graphroot/overlay/5f70bf18a086/merged: no such file or directory',
    accept: ['filesystem-error', 'unpack-failed'],
  },
  {
    source: 'containers/storage#1026',
    text: 'Error: committing the finished image: rename /var/lib/containers/storage/overlay/staging/012887766 /var/lib/containers/storage/overlay/b9b6a85242af/diff: invalid cross-device link',
    accept: ['filesystem-error', 'unpack-failed'],
  },
  {
    source: 'cri-o/cri-o#5793',
    text: 'Error: copying system image from manifest list: writing blob: adding layer with blob "sha256:4a7307612456": creating layer with ID "935cecace2a0": stat /var/lib/containers/storage/overlay/fe0ef4c895f5: no such file or directory',
    accept: ['filesystem-error', 'unpack-failed'],
  },
  {
    source: 'cri-o/cri-o#8760',
    text: 'pulling image: rpc error: code = Canceled desc = copying system image from manifest list: copying config: context canceled',
    accept: ['pull-timeout', 'pull-stalled', 'pull-canceled'],
  },
  {
    source: 'containers/image#1100',
    text: '[ERROR ImagePull]: failed to pull image k8s.gcr.io/kube-apiserver:v1.20.0: output: time="2020-12-15T16:47:28Z" level=fatal msg="pulling image: rpc error: code = Unknown desc = Error choosing image instance: no image found in manifest list for architecture arm64, variant v8, OS linux"\n, error: exit status 1',
    accept: ['platform-mismatch'],
  },
  {
    source: 'containers/image#1953',
    text: 'E0511 11:45:26.564440  898082 remote_image.go:167] "PullImage from image service failed" err="rpc error: code = Unknown desc = copying system image from manifest list: Source image rejected: A signature was required, but no signature exists" image="quay.io/team/web:v0.8.0"',
    accept: ['signature-rejected'],
  },
  {
    source: 'kubernetes/website#41616',
    text: String.raw`E0614 10:21:10.000000 1 remote_image.go:167] "PullImage from image service failed" err="rpc error: code = Unknown desc = SignatureValidationFailed: Source image rejected: Required email \"a@mail.example\" not found (got [\"b@mail.example\"])" image="quay.io/crio/signed"`,
    accept: ['signature-rejected'],
  },
  {
    source: 'stolostron/deploy#2',
    text: `Failed to pull image "quay.io/team/web@${digest}": rpc error: code = Unknown desc = Error reading manifest ${digest} in quay.io/team/web: unauthorized: access to the requested resource is not authorized`,
    accept: ['repository-not-found-or-private', 'credentials-missing'],
  },
  {
    source: 'tusc/ntopng-udm#1',
    text: 'Error: error pulling image "team/web:latest": unable to pull team/web:latest: 3 errors occurred:\n        * Error initializing source docker://team/web:latest: Error reading manifest latest in docker.io/team/web: errors:\ndenied: requested access to the resource is denied\nunauthorized: authentication required\n\n        * Error initializing source docker://quay.io/team/web:latest: Error reading manifest latest in quay.io/team/web: unauthorized: access to the requested resource is not authorized\n        * Error initializing source docker://registry.fedoraproject.org/team/web:latest: Error reading manifest latest in registry.fedoraproject.org/team/web: manifest unknown: manifest unknown',
    accept: ['repository-not-found-or-private', 'credentials-missing', 'tag-not-found', 'short-name-unresolved'],
  },
  {
    source: 'openshift/sriov-network-operator#988',
    text: 'FATA[0001] Error parsing image name "docker://quay.io/team/web": reading manifest latest in quay.io/team/web: unauthorized: access to the requested resource is not authorized',
    accept: ['repository-not-found-or-private', 'credentials-missing'],
  },
  {
    source: 'TimeEval/TimeEval#56',
    text: 'Error: error creating build container: initializing source docker://gitlab.corp.example/team/web:0.2.5: Requesting bear token: invalid status code from registry 403 (Forbidden)',
    accept: ['credentials-missing', 'credentials-rejected', 'access-denied', 'repository-not-found-or-private'],
  },
  {
    source: 'cri-o/cri-o#3612',
    text: 'FATA[0000] pulling image failed: rpc error: code = Unknown desc = error pinging docker registry k8s.gcr.io: Get "https://k8s.gcr.io/v2/": dial tcp: lookup k8s.gcr.io: device or resource busy',
    accept: ['dns-server-failure', 'dns-timeout'],
  },
  {
    source: 'containers/podman#5583',
    text: 'Error: error pulling image "docker.io/rust:latest": unable to pull docker.io/rust:latest: unable to pull image: Error writing blob: error storing blob to file "/var/tmp/storage987555834/2": unexpected EOF',
    accept: ['blob-unreachable'],
  },
  {
    source: 'red-hat-storage/ocs-ci#4494',
    text: event(
      'Error reading manifest latest in docker.io/team/web: toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit',
    ),
    accept: ['rate-limited'],
  },
  {
    source: 'openshift/openshift-docs#82360',
    text: '[ERROR]  : [Worker] error mirroring image localhost:55000/team/web:latest error: copying image 1/4 from manifest list: trying to reuse blob sha256:edab65b863ae at destination: pinging container registry localhost:5000: Get "https://localhost:5000/v2/": http: server gave HTTP response to HTTPS client',
    accept: ['http-on-https'],
  },
  {
    source: 'SparebankenVest/azure-key-vault-to-kubernetes#55',
    text: 'failed to get docker image "docker://reg.azurecr.io/web": unable to retrieve auth token: invalid username/password: unauthorized: authentication required, visit https://aka.ms/acr/authorization for more information.',
    accept: ['credentials-rejected'],
  },
  {
    source: 'containers/skopeo#1665',
    text: 'time="2022-06-06T12:29:41Z" level=fatal msg="initializing source docker://quay.io/team/web:v1.7.0: reading manifest v1.7.0 in quay.io/team/web: unauthorized: access to the requested resource is not authorized"',
    accept: ['repository-not-found-or-private', 'credentials-missing'],
  },

  // containerd: layers
  {
    source: 'ansible/creator-ee#84',
    text: unpacked(`failed to extract layer ${digest}: operation not permitted: unknown`),
    accept: ['filesystem-error', 'unpack-failed'],
  },
  {
    source: 'confidential-containers/cloud-api-adaptor#2254',
    text: `failed to extract layer ${digest}: failed to get reader from content store: content digest ${other}: not found`,
    accept: ['snapshotter-unavailable', 'unpack-failed'],
  },
  {
    source: 'containerd/containerd#4658',
    text: `FATA[0002] pulling image failed: rpc error: code = Unknown desc = failed to pull and unpack image "docker.io/team/web:0.1": unpack: failed to extract layer ${digest}: lstat /data/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/10382/fs/root/.gem/specs/api.example%443: not a directory: unknown`,
    accept: ['unpack-failed', 'filesystem-error'],
  },
  {
    source: 'onedr0p/home-ops#21',
    text: `INFO[2020-03-06T08:46:46.944886331-05:00] apply failure, attempting cleanup             error="failed to extract layer ${digest}: mount callback failed on /var/lib/rancher/k3s/agent/containerd/tmpmounts/containerd-mount941142498: chmod /var/lib/rancher/k3s/agent/containerd/tmpmounts/containerd-mount941142498/sbin: no such file or directory: unknown" key="extract-1 x"`,
    accept: ['unpack-failed', 'filesystem-error'],
  },
  {
    source: 'containerd/containerd#4498',
    text: `FATA[0101] pulling image failed: rpc error: code = Unknown desc = failed to pull and unpack image "docker.io/team/test:pull_fail": failed to unpack image on snapshotter overlayfs: failed to extract layer ${digest}: mount callback failed on /data/containerd/tmpmounts/containerd-mount760407397: unlinkat /data/containerd/tmpmounts/containerd-mount760407397/root/.cache/examples/test-suite: directory not empty: unknown`,
    accept: ['unpack-failed', 'filesystem-error'],
  },
  {
    source: 'clearlinux/distribution#1044',
    text: `Jul 24 14:06:01 node-1 containerd[194898]: time="2019-07-24T14:06:01.876849628-07:00" level=error msg="PullImage "reg.example/team/web:latest" failed" error="failed to pull and unpack image "reg.example/team/web:latest": failed to unpack image on snapshotter overlayfs: failed to extract layer ${digest}: mount callback failed on /var/lib/containerd/tmpmounts/containerd-mount1: chmod /var/lib/containerd/tmpmounts/containerd-mount1/var/lib/swupd: no such file or directory: unknown"`,
    accept: ['unpack-failed', 'filesystem-error'],
  },
  {
    source: 'containerd/containerd#5022',
    text: `ctr: failed to extract layer ${digest}: failed to mount /var/lib/containerd/tmpmounts/containerd-mount788433525: input/output error: unknown`,
    accept: ['filesystem-error', 'disk-full'],
  },
  {
    source: 'dragonflyoss/nydus#48',
    text: `FATA[0000] pulling image: rpc error: code = Unknown desc = failed to pull and unpack image "localhost:5000/ubuntu:16.04-nydus": failed to prepare extraction snapshot "extract-262457039-f1jQ ${digest}": failed to find image ref of snapshot 25, labels map[containerd.io/snapshot/nydus-bootstrap:true]: unknown`,
    accept: ['snapshotter-unavailable', 'unpack-failed'],
  },
  {
    source: 'containerd/containerd#2306',
    text: event(
      `failed to pull image "docker.io/team/web:1.14.7": failed commit on ref "layer-${digest}": "layer-${digest}" failed size validation: 10068781 != 9333267`,
    ),
    accept: ['digest-mismatch', 'blob-unreachable'],
  },
  {
    source: 'containerd/containerd#4908',
    text: `Failed to pull image "mongo:4.4": rpc error: code = FailedPrecondition desc = failed to pull and unpack image "docker.io/library/mongo:4.4": failed commit on ref "layer-${digest}": unexpected commit digest ${other}, expected ${digest}: failed precondition`,
    accept: ['digest-mismatch', 'blob-unreachable'],
  },
  {
    source: 'aws/containers-roadmap#1302',
    text: `ctr: failed commit on ref "manifest-${digest}": commit failed: unexpected commit digest ${other}, expected ${digest} failed precondition`,
    accept: ['digest-mismatch'],
  },
  {
    source: 'containerd/containerd#11365',
    text: 'ctr: failed to copy: httpReadSeeker: failed open: failed to do request: Get "https://docker-images-prod.6aa3.r2.cloudflarestorage.com/registry-v2/docker/registry/v2/blobs/sha256/eb/eb4d/data?X-Amz-Expires=1200&X-Amz-SignedHeaders=host&X-Amz-Signature=562c": read tcp 10.0.0.9:40000->172.64.66.1:443: read: connection reset by peer',
    accept: ['blob-unreachable'],
  },
  {
    source: 'docker-library/docker#221',
    text: 'time="2020-03-19T16:56:14.793901390Z" level=error msg="Download failed, retrying: unexpected EOF"',
    accept: ['blob-unreachable'],
  },
  {
    source: 'docker-library/docker#221',
    text: `time="2020-03-19T16:56:53.730378131Z" level=error msg="Download failed, retrying: filesystem layer verification failed for digest ${digest}"`,
    accept: ['digest-mismatch'],
  },
  {
    source: 'oauth2-proxy/oauth2-proxy#3395',
    text: `failed to copy: httpReadSeeker: failed open: unexpected status code https://quay.io/v2/team/web/blobs/${digest}: 502 Bad Gateway`,
    accept: ['blob-unreachable'],
  },
  {
    source: 'k0sproject/k0s#3713',
    text: String.raw`Error syncing pod, skipping\" err=\"failed to \\\"StartContainer\\\" for \\\"install-cni-bins\\\" with ErrImagePull: \\\"rpc error: code = Unknown desc = failed to pull and unpack image \\\\\\\"quay.io/team/cni:1.1.1\\\\\\\": failed to copy: httpReadSeeker: failed open: unexpected status code https://quay.io/v2/team/cni/blobs/sha256:63b65145d645: 403 Forbidden\\\"\" pod=\"kube-system/kube-router-fqpzd\" podUID=2faba1b7" component=kubelet stream=stderr`,
    accept: ['blob-unreachable'],
  },
  {
    source: 'k0sproject/k0s#3713',
    text: 'error pulling image configuration: download failed after attempts=1: error parsing HTTP 403 response body: invalid character \'<\' looking for beginning of value: "<html>"',
    accept: ['blob-unreachable'],
  },
  {
    source: 'kubernetes/registry.k8s.io#258',
    text: 'error pulling image configuration: download failed after attempts=1: unknown blob',
    accept: ['blob-unreachable'],
  },
  { source: 'sonatype/nexus-public#264', text: 'unknown blob', accept: ['blob-unreachable'] },
  {
    source: 'crossplane/crossplane#6445',
    text: `Failed to pull image "xpkg.example/team/web:v1.19.1": rpc error: code = NotFound desc = failed to pull and unpack image "xpkg.example/team/web:v1.19.1": failed to copy: httpReadSeeker: failed open: could not fetch content descriptor ${digest} (application/vnd.docker.container.image.v1+json) from remote: not found`,
    accept: ['blob-unreachable'],
  },
  {
    source: 'containerd/containerd#6147',
    text: 'failed to solve with frontend dockerfile.v0: failed to solve with frontend gateway.v0: rpc error: code = Unknown desc = failed to copy: httpReadSeeker: failed open: content at https://nexus.example/v2/library/openjdk/manifests/sha256:24de726604f4?ns=docker.io not found: not found',
    accept: ['mirror-failed', 'tag-not-found', 'blob-unreachable'],
  },
  {
    source: 'traefik/traefik#4423',
    text: daemon(
      'error pulling image configuration: Get https://production.cloudflare.docker.com/registry-v2/docker/registry/v2/blobs/sha256/05/05cb/data?<........>: x509: certificate has expired or is not yet valid',
    ).replace('Error response from daemon: ', ''),
    accept: ['blob-unreachable'],
  },
  {
    source: 'SwissDataScienceCenter/renku#408',
    text: 'error pulling image configuration: Get https://production.cloudflare.docker.com/registry-v2/docker/registry/v2/blobs/sha256/e7/[ .....] : net/http: TLS handshake timeout',
    accept: ['blob-unreachable'],
  },

  // Full disks
  {
    source: 'Kaggle/docker-python#19',
    text: 'failed to register layer: ApplyLayer exit status 1 stdout:  stderr: write /usr/local/src/opencv/x.gch: no space left on device',
    accept: ['disk-full'],
  },
  {
    source: 'Shippable/support#2605',
    text: 'Error pulling image (latest) from docker.io/team/web, Untar re-exec error: exit status 1: output: write /usr/bin/smbpasswd: no space left on device',
    accept: ['disk-full'],
  },
  {
    source: 'miaoermua/CatWrt#23',
    text: 'Thu Jul 20 10:40:38 2023 daemon.err dockerd[1981]: time="2023-07-20T02:40:38.173618291Z" level=error msg="Download failed after 1 attempts: write /opt/tmp/GetImageBlob888525579: no space left on device"',
    accept: ['disk-full'],
  },

  // Credentials and permissions
  {
    source: 'enix/kube-image-keeper#172',
    text: 'failed to cache image: GET https://1.dkr.ecr.ap-northeast-2.amazonaws.com/v2/web/manifests/latest: unexpected status code 401 Unauthorized: Not Authorized',
    accept: ['credentials-missing', 'credentials-rejected', 'credentials-expired'],
  },
  {
    source: 'aws-samples/bedrock-access-gateway#114',
    text: `CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref 1.dkr.ecr.us-west-2.amazonaws.com/web:latest@${digest}: unexpected status from HEAD request to https://1.dkr.ecr.us-west-2.amazonaws.com/v2/web/blobs/${digest}: 403 Forbidden`,
    accept: ['access-denied', 'repository-not-found-or-private', 'blob-unreachable'],
  },
  {
    source: 'aws/aws-cdk#29876',
    text: 'CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref 1.dkr.ecr.us-east-1.amazonaws.com/web:latest: pulling from host 1.dkr.ecr.us-east-1.amazonaws.com failed with status code [manifests latest]: 403 Forbidden',
    accept: ['access-denied'],
  },
  {
    source: 'heptio/aws-quickstart#213',
    text: event('unauthorized: authentication required'),
    accept: ['credentials-missing'],
  },
  {
    source: 'aws/eks-charts#1044',
    text: unpacked(
      `failed to resolve reference "${image}": unexpected status from HEAD request to https://1.dkr.ecr.us-west-2.amazonaws.com/v2/web/manifests/1: 401 Unauthorized`,
    ),
    accept: ['credentials-rejected', 'credentials-missing', 'credentials-expired'],
  },
  {
    source: 'mhausenblas/kboom#1',
    text: 'Failed to pull image "1.dkr.ecr.us-east-2.amazonaws.com/web:latest": rpc error: code = Unknown desc = Error response from daemon: Get https://1.dkr.ecr.us-east-2.amazonaws.com/v2/web/manifests/latest: no basic auth credentials',
    accept: ['credentials-missing'],
  },
  {
    source: 'coreos/coreos-kubernetes#461',
    text: String.raw`Error syncing pod, skipping: failed to "StartContainer" for "web" with ErrImagePull: "API error (500): Get https://1.dkr.ecr.eu-west-1.amazonaws.com/v2/web/manifests/latest: no basic auth credentials\n"`,
    accept: ['credentials-missing'],
  },
  {
    source: 'googlecodelabs/monolith-to-microservices#59',
    text: unpacked(
      `failed to resolve reference "${image}": pulling from host gcr.io failed with status code [manifests 1.0.0]: 403 Forbidden`,
    ),
    accept: ['access-denied'],
  },
  {
    source: 'GoogleCloudPlatform/berglas#128',
    text: daemon(
      'Get https://us-docker.pkg.dev/v2/p/r/web/manifests/latest: denied: Permission "artifactregistry.repositories.downloadArtifacts" denied on resource "projects/p/locations/us/repositories/r" (or it may not exist)',
    ),
    accept: ['access-denied'],
  },
  {
    source: 'crossplane/crossplane#3023',
    text: 'cannot unpack package: failed to fetch package digest from remote: GET https://europe-docker.pkg.dev/v2/token?scope=repository%!A(MISSING)p%!F(MISSING)r%!F(MISSING)web%!A(MISSING)pull&service=europe-docker.pkg.dev: DENIED: Permission "artifactregistry.repositories.downloadArtifacts" denied on resource "projects/p/locations/europe/repositories/r" (or it may not exist)',
    accept: ['access-denied'],
  },
  {
    source: 'canonical/microk8s#4754',
    text: 'INFO[0007] trying next host                              error="failed to authorize: failed to fetch oauth token: unexpected status from GET request to https://gitlab.com/jwt/auth?scope=repository%3Ateam%2Fweb%3Apull&service=container_registry: 403 Forbidden" host=registry.gitlab.com',
    accept: ['credentials-rejected', 'access-denied'],
  },
  {
    source: 'getwud/wud#600',
    text: 'Error ((HTTP code 500) server error - Head "https://registry.gitlab.com/v2/team/web/manifests/latest": denied: access forbidden)',
    accept: ['access-denied'],
  },
  {
    source: 'konpyutaika/nifikop#273',
    text: 'Error: INSTALLATION FAILED: failed to authorize: failed to fetch oauth token: unexpected status: 403 Forbidden',
    accept: ['credentials-rejected', 'access-denied'],
  },
  {
    source: 'containerd/containerd#2628',
    text: 'ctr: failed to resolve reference "art.example/db2/server:11.1": failed to fetch oauth token: unexpected status: 401 Unauthorized',
    accept: ['credentials-rejected'],
  },
  {
    source: 'containerd/containerd#2628',
    text: 'failed to fetch anonymous token: unexpected status: 401 Unauthorized',
    accept: ['repository-not-found-or-private', 'credentials-missing'],
  },
  {
    source: 'kubernetes/kubernetes#65958',
    text: 'Failed to pull image "art.example:5006/web:4": rpc error: code = Unknown desc = Error response from daemon: unauthorized: The client does not have permission for manifest',
    accept: ['access-denied', 'credentials-rejected'],
  },
  {
    source: 'Azure/AKS#4459',
    text: unpacked(
      `failed to resolve reference "${image}": failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://reg.azurecr.io/oauth2/token?scope=repository%3Amain%2Fweb%3Apull&service=reg.azurecr.io: 401 Unauthorized`,
    ),
    accept: ['repository-not-found-or-private', 'credentials-missing'],
  },
  {
    source: 'Azure/acr#231',
    text: 'Failed to pull image "reg.azurecr.io/web:1": [rpc error: code = Unknown desc = Error response from daemon: Get https://reg.azurecr.io/v2/web/manifests/1: received unexpected HTTP status: 500 Internal Server Error, rpc error: code = Unknown desc = Error response from daemon: Get https://reg.azurecr.io/v2/web/manifests/1: unauthorized: authentication required]',
    accept: ['credentials-rejected', 'credentials-missing'],
  },
  {
    source: 'Azure/AKS#4593',
    text: 'Failed to pull image "myacr.azurecr.io/web:3.1.6":[rpc error: code = Unknown desc = failed to pull and unpack image "myacr.azurecr.io/web:3.1.6": failed to resove reference "myacr.azurecr.io/web:3.1.6": failed to authorize: failed to fetch oauth token: unexpected status from GET request to https://myacr.azurecr.io/oauth2/token?scope=repository%3Aweb%3Apull&service=myacr.azurecr.io: 401 Unauthorized, rpc error: code = Unknown desc = failed to pull and unpack image "myacr.azurecr.io/web:3.1.6": failed to resolve reference "myacr.azurecr.io/web:3.1.6": failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://myacr.azurecr.io/oauth2/token?scope=repository%3Aweb%3Apull&service=myacr.azurecr.io: 401 Unauthorized]',
    accept: ['credentials-rejected'],
  },
  {
    source: 'kubernetes/kubernetes#92326',
    text: daemon('Get https://reg.azurecr.io/v2/web/manifests/1: unauthorized: authentication required'),
    accept: ['credentials-missing'],
  },
  {
    source: 'sighupio/getting-started#68',
    text: daemon(
      'unauthorized: authorize header needed to send HEAD to repository: authorize header needed to send HEAD to repository',
    ),
    accept: ['credentials-missing'],
  },
  {
    source: 'whiteducksoftware/az-dns-forwarder#1',
    text: daemon('Get https://ghcr.io/v2/team/web/manifests/latest: unauthorized'),
    accept: ['credentials-missing', 'repository-not-found-or-private'],
  },
  {
    source: 'kedacore/http-add-on#48',
    text: "Error response from daemon: pull access denied for ghcr.io/team/web, repository does not exist or may require 'docker login': denied: permission_denied: read_package",
    accept: ['access-denied'],
  },
  {
    source: 'Vigil-SOC/vigil#315',
    text: 'Error response from daemon: unknown: failed to resolve reference "ghcr.io/team/web:latest": unexpected status from HEAD request to https://ghcr.io/v2/team/web/manifests/latest: 403 Forbidden',
    accept: ['access-denied', 'repository-not-found-or-private'],
  },
  {
    source: 'dexidp/dex#2567',
    text: 'Error response from daemon: Head "https://ghcr.io/v2/team/web/manifests/v2.32.0": denied: denied',
    accept: ['credentials-rejected', 'repository-not-found-or-private'],
  },
  {
    source: 'kubernetes/kubernetes#30148',
    text: 'Error: Status 403 trying to pull repository p/web: "Unable to access the repository: p/web; please verify that it exists and you have permission to access it."',
    accept: ['access-denied', 'repository-not-found-or-private'],
  },
  {
    source: 'k0sproject/k0s#3713',
    text: 'Error response from daemon: Head "https://quay.io/v2/team/web/manifests/1": denied: Namespace team has been disabled. Please contact a system admin',
    accept: ['access-denied'],
  },
  {
    source: 'vortexntnu/vortex-auv#357',
    text: 'ERROR: Head "https://ghcr.io/v2/team/web/manifests/development": unauthorized',
    accept: ['credentials-missing', 'repository-not-found-or-private'],
  },

  // Credential providers
  {
    source: 'kubernetes/kubernetes#117448',
    text: 'plugin.go:233] Failed getting credential from external registry credential provider: error execing credential provider plugin foo for image bar: exit status 1: E0418 06:12:14.490885   14903 main.go:161] Error running credential provider plugin: group version credentialprovider.kubelet.k8s.io/v1beta1 is not supported',
    accept: ['credential-provider-failed'],
  },
  {
    source: 'k3s-io/k3s#14039',
    text: 'May 11 19:16:39 node-001 k3s[274]: E0511 19:16:39.537963     274 kuberuntime_manager.go:286] "Failed to register CRI auth plugins" err="failed to validate credential provider config: [providers.apiVersion: Required value: apiVersion is required, providers.defaultCacheDuration: Required value: defaultCacheDuration is required]"',
    accept: ['credential-provider-failed'],
  },
  {
    source: 'buildkite/elastic-ci-stack-for-aws#193',
    text: 'An error occurred (AccessDeniedException) when calling the GetAuthorizationToken operation: User: arn:aws:sts::1:assumed-role/r/i is not authorized to perform: ecr:GetAuthorizationToken on resource: *',
    accept: ['access-denied', 'credential-provider-failed'],
  },

  // What is not there
  {
    source: 'goharbor/harbor#23190',
    text: 'Error response from daemon: unknown: repository proxy/library/nginx not found',
    accept: ['repository-not-found'],
  },
  {
    source: 'goharbor/harbor#19067',
    text: `Error response from daemon: unknown: artifact dockerhub/team/web@${digest} not found`,
    accept: ['tag-not-found'],
  },
  {
    source: 'sonatype/nexus-public#639',
    text: 'Error response from daemon: manifest for 127.0.0.1:9081/team/web:1 not found: manifest unknown: manifest unknown',
    accept: ['tag-not-found'],
  },
  {
    source: 'siderolabs/talos#11052',
    text: 'failed to pull image "ghcr.io/siderolabs/kubelet@sha256:0072b6738306": failed to resolve reference "ghcr.io/siderolabs/kubelet@sha256:0072b6738306": ghcr.io/siderolabs/kubelet@sha256:0072b6738306: not found',
    accept: ['tag-not-found'],
  },
  {
    source: 'GoogleCloudPlatform/buildpacks#454',
    text: "ERROR: failed to build: invalid run-image 'gcr.io/p/run': image 'gcr.io/p/run' does not exist in registry: not found",
    accept: ['tag-not-found', 'repository-not-found', 'unknown', 'nothing'],
  },
  {
    source: 'containerd/containerd#2410',
    text: `no match for current platform linux/arm/v7 in manifest ${digest}: not found`,
    accept: ['platform-mismatch'],
  },
  {
    source: 'moby/moby#39201',
    text: 'no matching manifest for linux/arm64/unknown in the manifest list entries',
    accept: ['platform-mismatch'],
  },
  {
    source: 'link-assistant/hive-mind#962',
    text: 'Error response from daemon: no matching manifest for linux/arm64/v8 in the manifest list entries: no match for platform in manifest: not found',
    accept: ['platform-mismatch'],
  },

  // Manifests
  {
    source: 'redhat-openshift-ecosystem/openshift-preflight#213',
    text: String.raw`time="2021-09-07T15:50:08Z" level=fatal msg="failed to pull remote container: unsupported MediaType: \"application/vnd.docker.distribution.manifest.v1+prettyjws\", see https://github.com/google/go-containerregistry/issues/377"`,
    accept: ['manifest-unsupported'],
  },
  {
    source: 'ovh/cds#7735',
    text: 'Error response from daemon: not implemented: media type "application/vnd.docker.distribution.manifest.v1+prettyjws" is no longer supported since containerd v2.1, please rebuild the image as "application/vnd.docker.distribution.manifest.v2+json" or "application/vnd.oci.image.manifest.v1+json"',
    accept: ['manifest-unsupported'],
  },
  {
    source: 'containers/podman#16200',
    text: 'unsupported manifest media type and no default available: application/vnd.docker.distribution.manifest.v1+json',
    accept: ['manifest-unsupported'],
  },
  {
    source: 'knative/serving#4155',
    text: 'Unable to fetch image "reg.example/web": unsupported MediaType: https://github.com/google/go-containerregistry/issues/377',
    accept: ['manifest-unsupported'],
  },

  // Registries that fail, limit or answer nonsense
  {
    source: 'goharbor/harbor#14588',
    text: 'proxy cache:Error response from daemon: received unexpected HTTP status: 500 Internal Server Error',
    accept: ['registry-error'],
  },
  {
    source: 'goharbor/harbor#13740',
    text: 'Error response from daemon: missing or empty Content-Type header',
    accept: ['registry-invalid-response'],
  },
  {
    source: 'goharbor/harbor#19257',
    text: unpacked(
      `failed to resolve reference "${image}": unexpected status from HEAD request to https://harbor.example/v2/hub/team/web/manifests/1: 429 Too Many Requests - Server message: unknown: too many requests to upstream registry`,
    ),
    accept: ['rate-limited'],
  },
  {
    source: 'kubernetes/k8s.io#5181',
    text: '[ERROR ImagePull]: failed to pull image registry.k8s.io/kube-apiserver:v1.22.17: output: Error response from daemon: received unexpected HTTP status: 503 Service Unavailable\n, error: exit status 1',
    accept: ['registry-error'],
  },
  {
    source: 'linkerd/linkerd2#9899',
    text: unpacked(
      `failed to resolve reference "${image}": pulling from host cr.l5d.io failed with status code [manifests v2.0.0]: 503 Service Unavailable`,
    ),
    accept: ['registry-error'],
  },
  {
    source: 'terraform-docs/gh-actions#157',
    text: 'Error response from daemon: Get "https://quay.io/v2/": EOF',
    accept: ['registry-error'],
  },
  {
    source: 'hetznercloud/csi-driver#194',
    text: daemon('received unexpected HTTP status: 502 Bad Gateway'),
    accept: ['registry-error'],
  },
  {
    source: 'kubernetes/registry.k8s.io#294',
    text: unpacked(
      `failed to copy: httpReadSeeker: failed open: unexpected status code https://registry.k8s.io/v2/csi/driver/manifests/${digest}: 503 Service Unavailable`,
    ),
    accept: ['registry-error'],
  },
  {
    source: 'rebuy-de/aws-nuke#506',
    text: 'docker: Error response from daemon: Get https://quay.io/v2/team/web/manifests/latest: received unexpected HTTP status: 500 Internal Server Error.',
    accept: ['registry-error'],
  },
  {
    source: 'poseidon/typhoon#733',
    text: 'rkt[1281]: run: Unexpected HTTP code: 500, URL: https://quay.io/v2/team/web/manifests/1',
    accept: ['registry-error'],
  },
  {
    source: 'kubernetes/kubernetes#9534',
    text: String.raw`W1127 10:42:16.169000    3395 manager.go:1897] Failed to pull image "gcr.io/google_containers/kube-ui:v2" from pod "kube-ui-v2-ojp6m_kube-system" and container "kube-ui": Error: Status 429 trying to pull repository google_containers/kube-ui: "<!DOCTYPE html>\n<html lang=en>\n  <title>Error 429 (Too Many Requests)!!1</title>"`,
    accept: ['rate-limited'],
  },
  {
    source: 'alexklibisz/terraform-provider-terrifi#50',
    text: 'toomanyrequests: retry-after: 985.86µs, allowed: 44000/minute',
    accept: ['rate-limited'],
  },
  {
    source: 'namespacelabs/foundation#846',
    text: unpacked(
      `failed to copy: httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/team/web/manifests/${digest}: 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit.`,
    ),
    accept: ['rate-limited'],
  },
  {
    source: 'sonatype/nexus-public#628',
    text: String.raw`level=info msg="Attempting next endpoint for pull after error: Head \"http://edoras:5005/v2/library/ubuntu/manifests/20.04\": Get \"null://edoras:5005/v2/token?scope=repository%3Alibrary%2Fubuntu%3Apull\": unsupported protocol scheme \"null\""`,
    accept: ['registry-invalid-response', 'auth-service-unreachable', 'mirror-failed'],
  },

  // Ways to the registry
  {
    source: 'kubernetes/kubernetes#102505',
    text: unpacked(
      `failed to resolve reference "${image}": failed to do request: Head https://gcr.io/v2/p/web/manifests/1: dial tcp 74.125.1.82:443: i/o timeout`,
    ),
    accept: ['tcp-timeout'],
  },
  {
    source: 'containerd/containerd#12550',
    text: 'ctr: failed to resolve image: failed to do request: Head "https://registry-1.docker.io/v2/library/nginx/manifests/latest": dial tcp 104.244.46.244:443: i/o timeout',
    accept: ['tcp-timeout'],
  },
  {
    source: 'containerd/containerd#10662',
    text: String.raw`INFO[0030] trying next host                              error="failed to do request: Head \"https://registry-1.docker.io/v2/rayproject/ray/manifests/2.34.0\": dial tcp 128.242.240.180:443: i/o timeout" host=registry-1.docker.io`,
    accept: ['tcp-timeout'],
  },
  {
    source: 'ciiiii/cloudflare-docker-proxy#79',
    text: 'Failed to pull image "docker.team.example/nginx:alpine": failed to pull and unpack image "docker.team.example/nginx:alpine": failed to resolve reference "docker.team.example/nginx:alpine": failed to authorize: failed to fetch anonymous token: Get "https://auth.docker.io/token?scope=repository%3Alibrary%2Fnginx%3Apull&service=registry.docker.io": dial tcp 199.59.149.230:443: connect: connection refused',
    accept: ['auth-service-unreachable'],
  },
  {
    source: 'docker-archive-public/docker.kitematic#2771',
    text: '(HTTP code 500) server error - {"message":"Get https://registry-1.docker.io/v2/library/redis/manifests/latest: Get https://auth.docker.io/token?account=a&scope=repository%3Alibrary%2Fredis%3Apull&service=registry.docker.io: net/http: TLS handshake timeout"}',
    accept: ['auth-service-unreachable'],
  },
  {
    source: 'docker/hub-feedback#1282',
    text: 'Error response from daemon: Get https://registry-1.docker.io/v2/library/fedora/manifests/latest: Get https://auth.docker.io/token?scope=repository%3Alibrary%2Ffedora%3Apull&service=registry.docker.io: net/http: request canceled (Client.Timeout exceeded while awaiting headers)',
    accept: ['auth-service-unreachable'],
  },
  {
    source: 'docker/hub-feedback#1195',
    text: 'docker: Error response from daemon: Get https://registry-1.docker.io/v2/library/ubuntu/manifests/latest: net/http: TLS handshake timeout.',
    accept: ['tls-handshake-failed', 'mtu-black-hole'],
  },
  {
    source: 'kubernetes/minikube#7254',
    text: 'Mar 25 17:24:21 node dockerd[5128]: time="2020-03-25T17:24:21.754822997Z" level=warning msg="Error getting v2 registry: Get https://k8s.gcr.io/v2/: net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)"',
    accept: ['tcp-timeout', 'registry-timeout'],
  },
  {
    source: 'kubernetes/minikube#6748',
    text: 'E0222 09:44:20.447117    3889 kuberuntime_manager.go:803] container start failed: ErrImagePull: rpc error: code = Unknown desc = Error response from daemon: Get https://registry-1.docker.io/v2/: dial tcp: lookup registry-1.docker.io on 192.168.64.1:53: read udp 192.168.64.6:43004->192.168.64.1:53: read: connection refused',
    accept: ['dns-refused'],
  },
  {
    source: 'kubernetes/minikube#12236',
    text: 'Aug 11 17:48:11 minikube dockerd[215]: time="2021-08-11T17:48:11.162520100Z" level=info msg="Attempting next endpoint for pull after error: Head https://1.dkr.ecr.us-east-1.amazonaws.com/v2/web/manifests/1: dial tcp: lookup 1.dkr.ecr.us-east-1.amazonaws.com on 192.168.65.2:53: read udp 192.168.49.2:59571->192.168.65.2:53: i/o timeout"',
    accept: ['dns-timeout'],
  },
  {
    source: 'containerd/containerd#10709',
    text: 'failed to resolve reference "ghcr.io/open-webui/open-webui:main": failed to do request: Head "https://ghcr.io/v2/open-webui/open-webui/manifests/main": dial tcp: lookup ghcr.io: Try again',
    accept: ['dns-timeout', 'dns-server-failure'],
  },
  {
    source: 'docker/setup-qemu-action#166',
    text: 'Error response from daemon: Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io on 127.0.0.53:53: read udp 127.0.0.1:35500->127.0.0.53:53: i/o timeout',
    accept: ['dns-timeout'],
  },
  {
    source: 'docker/setup-qemu-action#110',
    text: 'Error response from daemon: Head "https://registry-1.docker.io/v2/tonistiigi/binfmt/manifests/latest": EOF',
    accept: ['registry-error'],
  },
  {
    source: 'docker/setup-buildx-action#64',
    text: 'Error response from daemon: Get https://registry-1.docker.io/v2/: net/http: request canceled (Client.Timeout exceeded while awaiting headers)',
    accept: ['registry-timeout', 'tcp-timeout'],
  },

  // Certificates
  {
    source: 'kubernetes-sigs/nfs-subdir-external-provisioner#81',
    text: unpacked(
      `failed to resolve reference "${image}": failed to do request: Head https://gcr.io/v2/p/web/manifests/v4.0.1: x509: certificate has expired or is not yet valid`,
    ),
    accept: ['clock-skew', 'tls-certificate-expired'],
  },
  {
    source: 'Kong/charts#257',
    text: 'Failed to pull image "reg.bintray.example/web:0.9.0": \nrpc error: code = Unknown desc = Error response from daemon: \nGet https://reg.bintray.example/v2/: \nx509: certificate has expired or is not yet valid',
    accept: ['clock-skew', 'tls-certificate-expired'],
  },
  {
    source: 'sealerio/sealer#1195',
    text: '[ERROR ImagePull]: failed to pull image sea.hub:5000/library/kube-apiserver:v1.19.8: output: Error response from daemon: Get "https://sea.hub:5000/v2/": x509: certificate relies on legacy Common Name field, use SANs or temporarily enable Common Name matching with GODEBUG=x509ignoreCN=0\n, error: exit status 1',
    accept: ['tls-hostname-mismatch'],
  },
  {
    source: 'kubernetes/kubernetes#110476',
    text: String.raw`ERRO[0008] failed to call tryLoginWithRegHost            error="failed to call rh.Client.Do: Get \"https://reg.harbor.example/v2/\": x509: certificate relies on legacy Common Name field, use SANs instead" i=0`,
    accept: ['tls-hostname-mismatch'],
  },
  {
    source: 'IBM/portieris#196',
    text: 'Error from server (InternalError): error when creating "test.yaml": Internal error occurred: failed calling webhook "trust.hooks.example": Post "https://portieris.portieris.svc:443/admit?timeout=30s": x509: certificate relies on legacy Common Name field, use SANs or temporarily enable Common Name matching with GODEBUG=x509ignoreCN=0',
    accept: ['nothing'],
  },

  // The sandbox image
  {
    source: 'kubernetes/kops#16762',
    text: String.raw`Aug 20 05:41:26 i-0b9b kubelet[3267]: E0820 05:41:26.086957    3267 remote_runtime.go:193] "RunPodSandbox from runtime service failed" err="rpc error: code = Unknown desc = failed to get sandbox image \"1.dkr.ecr.ap-southeast-2.amazonaws.com/k8s/pause:3.9\": failed to pull image \"1.dkr.ecr.ap-southeast-2.amazonaws.com/k8s/pause:3.9\": failed to pull and unpack image \"1.dkr.ecr.ap-southeast-2.amazonaws.com/k8s/pause:3.9\": failed to resolve reference \"1.dkr.ecr.ap-southeast-2.amazonaws.com/k8s/pause:3.9\": pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials"`,
    accept: ['sandbox-image-unavailable'],
  },
  {
    source: 'kubernetes/kubernetes#72295',
    text: String.raw`Failed create pod sandbox: rpc error: code = Unknown desc = failed to inspect sandbox image "registry.cn.example/google-containers/pause-amd64:3.0\"": Error response from daemon: no such image: registry.cn.example/google-containers/pause-amd64:3.0": invalid reference format`,
    accept: ['sandbox-image-unavailable', 'invalid-image-name'],
  },
  {
    source: 'rootless-containers/usernetes#240',
    text: 'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox image "k8s.gcr.io/pause:3.5": failed to pull image "k8s.gcr.io/pause:3.5": failed to pull and unpack image "k8s.gcr.io/pause:3.5": failed to resolve reference "k8s.gcr.io/pause:3.5": failed to do request: Head "https://k8s.gcr.io/v2/pause/manifests/3.5"',
    accept: ['sandbox-image-unavailable'],
  },
  {
    source: 'opsnull/follow-me-install-kubernetes-cluster#639',
    text: 'Failed create pod sandbox: rpc error: code = Unknown desc = failed pulling image "registry.cn.example/images_k8s/pause-amd64:3.1": Error response from daemon: pull access denied for registry.cn.example/images_k8s/pause-amd64, repository does not exist or may require \'docker login\'',
    accept: ['sandbox-image-unavailable'],
  },
  {
    source: 'k3s-io/k3s#4673',
    text: 'Failed to create pod sandbox: rpc error: code = NotFound desc = failed to get image from containerd "sha256:da86e6ba6ca1": image "docker.io/rancher/mirrored-pause:3.1": not found',
    accept: ['sandbox-image-unavailable'],
  },
  {
    source: 'flannel-io/flannel#1782',
    text: 'Failed to create pod sandbox: rpc error: code=Unknown desc=failed pulling image "registry. k8s. io/pause: 3.6": Error response from daemon: Head“ https://asia-northeast1-docker.pkg.dev/v2/k8s-artifacts-prod/images/pause/manifests/3.6 : dial TCP 142.251.8.82:443: I/O timeout`',
    accept: ['sandbox-image-unavailable'],
  },
  {
    source: 'kubernetes/kubernetes#62732',
    text: String.raw`Error syncing pod cbc9323f-4200 ("kube-dns-96bc_kube-system(cbc9323f-4200)"), skipping: failed to "CreatePodSandbox" for "kube-dns-96bc_kube-system(cbc9323f-4200)" with CreatePodSandboxError: "CreatePodSandbox for pod \"kube-dns-96bc_kube-system(cbc9323f-4200)\" failed: rpc error: code = Unknown desc = failed to get sandbox image \"k8s.gcr.io/pause:3.1\": failed to pull image \"k8s.gcr.io/pause:3.1\": failed to resolve image \"k8s.gcr.io/pause:3.1\": failed to do request: Head https://k8s.gcr.io/v2/pause/manifests/3.1: dial tcp 108.177.97.82:443: i/o timeout"`,
    accept: ['sandbox-image-unavailable'],
  },

  // The kubelet's own
  {
    source: 'canonical/microk8s#2111',
    text: String.raw`Mar 19 21:54:18 node microk8s.daemon-kubelet[1978]: E0319 21:54:18.041089    1978 pod_workers.go:190] Error syncing pod a08e9648 ("postgresql-0_ns(a08e9648)"), skipping: failed to "StartContainer" for "init-chmod-data" with ImagePullBackOff: "Back-off pulling image \"docker.io/bitnami/minideb:latest\""`,
    accept: ['back-off-only'],
  },
  {
    source: 'googleforgames/global-multiplayer-demo#161',
    text: String.raw`{ "PRIORITY": "6", "_SYSTEMD_UNIT": "kubelet.service", "MESSAGE": "E0325 18:59:44.857798    1790 pod_workers.go:951] \"Error syncing pod, skipping\" err=\"failed to \\\"StartContainer\\\" for \\\"droidshooter\\\" with ImagePullBackOff: \\\"Back-off pulling image \\\\\\\"us-docker.pkg.dev/p/r/web:1\\\\\\\"\\\"\" pod=\"default/droidshooter-bzlbw\" podUID=8d5da6d4" }`,
    accept: ['back-off-only'],
  },
  {
    source: 'GoogleContainerTools/skaffold#5563',
    text: "container web is waiting to start: gcr.io/p/web:v1.20.0@sha256:24ca30265893 can't be pulled",
    accept: ['back-off-only', 'unknown'],
  },
  {
    source: 'kubernetes/kubernetes#30148',
    text: 'Error from server: container "upload" in pod "upload" is waiting to start: trying and failing to pull image',
    accept: ['unknown', 'back-off-only'],
  },
  {
    source: 'redhat-appstudio/infra-deployments#7796',
    text: String.raw`E0823 00:08:36.232130    2669 pod_workers.go:1298] "Error syncing pod, skipping" err="failed to \"StartContainer\" for \"prepare\" with ErrImagePull: \"pull QPS exceeded\"" pod="ns/web" podUID="03c1ff62"`,
    accept: ['pull-qps-exceeded'],
  },
  {
    source: 'jupyterhub/zero-to-jupyterhub-k8s#472',
    text: 'Failed to apply default image tag "None:None": couldn\'t parse image reference "None:None": invalid reference format: repository name must be lowercase',
    accept: ['invalid-image-name'],
  },
  {
    source: 'jupyterhub/zero-to-jupyterhub-k8s#472',
    text: 'Failed to apply default image tag "https://harbor.example/release/name:1.1.0": couldn\'t parse image reference "https://harbor.example/release/name:1.1.0": invalid reference format.',
    accept: ['invalid-image-name'],
  },
  {
    source: 'Sentinel-One/helm-charts#56',
    text: 'couldn\'t parse image reference "<s1-helper-image>:<s1-helper-tag>": invalid reference format',
    accept: ['invalid-image-name'],
  },
  {
    source: 'containers/podman#8056',
    text: 'Error: error encountered while bringing up pod test-pod-0: Failed to parse image "./myimage": invalid reference format',
    accept: ['invalid-image-name'],
  },

  // Deadlines
  {
    source: 'cri-o/cri-o#189',
    text: 'Error syncing pod, skipping: failed to "StartContainer" for "nginx" with ErrImagePull: "rpc error: code = 4 desc = context deadline exceeded"',
    accept: ['pull-timeout'],
  },
  {
    source: 'Mirantis/cri-dockerd#91',
    text: 'FATA[0119] pulling image: rpc error: code = Unknown desc = context deadline exceeded',
    accept: ['pull-timeout'],
  },
  {
    source: 'Mirantis/cri-dockerd#372',
    text: 'time="2024-06-02T09:43:41-07:00" level=error msg="Cancel pulling image mcr.example/windows/servercore:ltsc2019 because it exceeded image pull deadline 1m0s. Latest progress 0dd0445527a5: Extracting [====>  ]  384.9MB/516.6MB"',
    accept: ['pull-timeout'],
  },
  {
    source: 'kubernetes/kubernetes#131521',
    text: 'level=error msg="cancel pulling image reg.example/team/web:1 because of no progress in 1m0s"',
    accept: ['pull-timeout'],
  },
  {
    source: 'kubernetes/kubernetes#59376',
    text: 'Failed to pull image "team/web:1": rpc error: code = 2 desc = net/http: request canceled',
    accept: ['pull-timeout', 'pull-canceled', 'pull-stalled', 'registry-timeout'],
  },

  // The runtime
  {
    source: 'kata-containers/tests#1851',
    text: 'E0724 14:01:25.811261   47426 remote_image.go:112] PullImage "busybox" from image service failed: rpc error: code = Unavailable desc = transport is closing',
    accept: ['runtime-unreachable', 'pull-canceled'],
  },
  {
    source: 'kubernetes/minikube#16198',
    text: String.raw`E0330 17:56:41.946688    6646 remote_runtime.go:145] "Version from runtime service failed" err="rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing dial unix /var/run/cri-dockerd.sock: connect: connection refused\""`,
    accept: ['runtime-unreachable'],
  },
  {
    source: 'kubernetes/minikube#16198',
    text: 'time="2023-03-30T17:56:30+05:30" level=fatal msg="getting the runtime version: rpc error: code = Unavailable desc = connection closed before server preface received"',
    accept: ['runtime-unreachable'],
  },
  {
    source: 'cri-o/cri-o#3791',
    text: 'failed to run Kubelet: failed to create kubelet: rpc error: code = Unavailable desc = all SubConns are in TransientFailure, latest connection error: connection error: desc = "transport: Error while dialing dial unix /var/run/crio/crio.sock: connect: no such file or directory"',
    accept: ['runtime-unreachable'],
  },
  {
    source: 'containerd/containerd#10144',
    text: 'time="2024-04-29T09:40:50.644139847Z" level=error msg="failed to decode hosts.toml" error="failed to parse TOML: (4, 3): was expecting token =, but got \\"[\\" instead"',
    accept: ['runtime-misconfigured'],
  },
  {
    source: 'k3s-io/k3s#9696',
    text: 'time="2024-03-21T22:11:44.883619054Z" level=error msg="failed to decode hosts.toml" error="failed to parse TOML: (6, 2): duplicated tables"',
    accept: ['runtime-misconfigured'],
  },
  {
    source: 'containerd/containerd#10027',
    text: 'time="2024-04-01T22:11:02.070675417Z" level=error msg="failed to decode hosts.toml" error="invalid `host` tree"',
    accept: ['runtime-misconfigured'],
  },
  {
    source: 'spegel-org/spegel#413',
    text: event(
      'failed to pull and unpack image "quay.io/team/web:1": failed to resolve reference "quay.io/team/web:1": failed to load X509 key pair: tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched',
    ),
    accept: ['runtime-misconfigured'],
  },
  {
    source: 'spegel-org/spegel#413',
    text: event(
      'failed to pull and unpack image "quay.io/team/web:1": failed to resolve reference "quay.io/team/web:1": unexpected status from HEAD request to http://10.190.18.201:30020/v2/team/web/manifests/1?ns=quay.io: 500 Internal Server Error - Server message: mirror resolve retries exhausted for key: quay.io/team/web:1',
    ),
    accept: ['mirror-failed', 'registry-error'],
  },
  {
    source: 'kubernetes-sigs/cri-tools#943',
    text: 'ERRO[0000] unable to determine image API version: rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing dial unix /var/run/dockershim.sock: connect: no such file or directory"',
    accept: ['runtime-unreachable'],
  },

  // The second blind run, after the rules were mended for those above: 26 of 31 rightly, 5 not, none wrongly.
  {
    source: 'k3s-io/k3s#3981',
    text: 'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox image "rancher/pause:3.1": failed to pull image "rancher/pause:3.1": failed to pull and unpack image "docker.io/rancher/pause:3.1": failed to resolve reference "docker.io/rancher/pause:3.1": pulling from host registry-1.docker.io failed with status code [manif',
    accept: ['sandbox-image-unavailable'],
  },
  {
    source: 'gitpod-io/gitpod#15029',
    text: 'cannot pull image: rpc error: code = Unknown desc = failed to pull and unpack image "reg.gitpod.example:20000/remote/a77bfc70:latest": failed to resolve reference "reg.gitpod.example:20000/remote/a77bfc70:latest": failed to do request: Head "https://reg.gitpod.example:20000/v2/remote/a77bfc70/manifests/latest": x509: certificate signed by unknown authority',
    accept: ['tls-unknown-authority'],
  },
  {
    source: 'k3s-io/k3s#13138',
    text: String.raw`Nov 01 12:22:34 ubuntu-1 k3s[96325/: E1101 12:22:34.621422   96325 pod_workers.go:1301] "Error syncing pod, skipping" err="failed to \"StartContainer\" for \"api\" with ErrImagePull: \"rpc error: code = NotFound desc = failed to pull and unpack image \\\"europe-west4-docker.pkg.dev/p/r/api:latest\\\": failed to resolve reference \\\"europe-west4-docker.pkg.dev/p/r/api:latest\\\": europe-west4-docker.pkg.dev/p/r/api:latest: not found\"" pod="develop/api-deployment-67d7fdbbc-zvb85" podUID="2f12ffef"`,
    accept: ['tag-not-found'],
  },
  {
    source: 'k3s-io/k3s#10613',
    text: 'Failed to pull image "[reg.example:5000/crdb:v24.1.2](http://reg.example:5000/crdb:v24.1.2)": failed to pull and unpack image "[reg.example:5000/crdb:v24.1.2](http://reg.example:5000/crdb:v24.1.2)": failed to resolve reference "[reg.example:5000/crdb:v24.1.2](http://reg.example:5000/crdb:v24.1.2)": failed to do request: Head "https://reg.example:5000/v2/crdb/manifests/v24.1.2": dial tcp: lookup [reg.example](http://reg.example/): no such host',
    accept: ['dns-name-not-found'],
  },
  {
    source: 'UKHomeOffice/kb8or#68',
    text: 'Failed to pull image "quay.io/team/s3registry:v2.0.0-bob": image pull failed for quay.io/team/s3registry:v2.0.0-bob, this may be because there are no credentials on this request.  details: (Tag v2.0.0-bob not found in repository quay.io/team/s3registry)',
    accept: ['tag-not-found'],
  },
  {
    source: 'k3s-io/k3s#1629',
    text: 'Apr 09 15:43:05 intelbox k3s[2841]: E0409 15:43:05.848667    2841 remote_runtime.go:105] RunPodSandbox from runtime service failed: rpc error: code = Unknown desc = failed to get sandbox image "docker.io/rancher/pause:3.1": failed to pull image "docker.io/rancher/pause:3.1": failed to pull and unpack image "docker.io/rancher/pause:3.1": failed to resolve reference "docker.io/rancher/pause:3.1": failed to do request: Head https://registry-1.docker.io/v2/rancher/pause/manifests/3.1: dial tcp: lookup registry-1.docker.io: Try again',
    accept: ['sandbox-image-unavailable'],
  },
  {
    source: 'k3s-io/k3s#5502',
    text: 'time="2022-04-23T07:20:19.207755114-04:00" level=warning msg="reference for unknown type: text/html" digest="sha256:6066282cb389" mediatype=text/html size=906',
    accept: ['registry-invalid-response'],
  },
  {
    source: 'kubernetes-sigs/cri-tools#1608',
    text: String.raw`E1002 17:49:13.548119 2819941 remote_image.go:167] "PullImage from image service failed" err="rpc error: code = Unknown desc = pinging container registry nexus.example: Get \"https://nexus.example/v2/\": Internal Server Error" image="nexus.example/web:1"`,
    accept: ['proxy-bypass-missing', 'proxy-denied', 'registry-error'],
  },
  {
    source: 'openshift/origin#16349',
    text: 'Failed to pull image "docker-registry.default.svc:5000/t/web@sha256:c1fb4160ed2b": rpc error: code = 2 desc = Error reading signatures: received unexpected HTTP status: 500 Internal Server Error',
    accept: ['registry-error'],
  },
  {
    source: 'okd-project/okd#616',
    text: String.raw`May 05 05:07:22 ip-x hyperkube[1097]: E0505 05:07:22.576222    1097 pod_workers.go:191] Error syncing pod d6f568ac ("bootstrap-cvo(d6f568ac)"), skipping: failed to "StartContainer" for "cluster-version-operator" with ImagePullBackOff: "Back-off pulling image \"registry:5000/okd7@sha256:1c71a740375b\""`,
    accept: ['back-off-only'],
  },
  {
    source: 'Azure/Enterprise-Scale-for-AKS#84',
    text: 'Failed to pull image "docker.io/bitnami/mongodb:4.4.10-de": rpc error: code = NotFound desc = failed to pull and unpack image "do\ncker.io/bitnami/mongodb:4.4.10-de": failed to resolve reference "docker.io/bitnami/mongodb:4.4.10-de": docker.io/bitnami/mongodb:4.4.10-de: not found',
    accept: ['tag-not-found'],
  },
  {
    source: 'bitnami/charts#36355',
    text: 'Failed to pull image "docker.io/bitnami/postgresql-repmgr:17.6.0": Error response from daemon: manifest for bitnami/postgresql-repmgr:17.6.0 not found: manifest unknown: manifest unknown',
    accept: ['tag-not-found'],
  },
  {
    source: 'helm/charts#14878',
    text: 'Failed to pull image "grafana/grafana:6.2.3": rpc error: code = Unknown desc = Error response from daemon: manifest for grafana/grafana:6.2.3 not found',
    accept: ['tag-not-found'],
  },
  {
    source: 'k3s-io/k3s#1094',
    text: 'E1117 00:28:50.182446    7872 kuberuntime_sandbox.go:68] CreatePodSandbox for pod "helm-install-traefik-djq8p_kube-system(9a0e91e9)" failed: rpc error: code = NotFound desc = failed to create containerd container: error unpacking image: failed to resolve rootfs: content digest sha256:6cf7c80fe444: not found',
    accept: ['snapshotter-unavailable', 'unpack-failed', 'sandbox-image-unavailable'],
  },
  {
    source: 'containerd/containerd#3879',
    text: 'ctr: failed to resolve reference "registry.access.redhat.com/ubi8-minimal:8.0-213": could not resolve digest for registry.access.redhat.com/ubi8-minimal:8.0-213',
    accept: ['registry-invalid-response', 'unknown'],
  },
  {
    source: 'olafkfreund/nixos_config#1497',
    text: 'Failed to pull image "ghcr.io/team/web:sha-251193c":\n  failed to resolve reference: dial tcp: lookup ghcr.io: Try again',
    accept: ['dns-timeout'],
  },
  {
    source: 'kubernetes-sigs/provider-aws-test-infra#281',
    text: String.raw`Feb 07 13:36:48.024915 bootstrap-e2e-master containerd[1191]: time="2024-02-07T13:36:48.024858788Z" level=error msg="PullImage \"registry.k8s.io/kube-apiserver-amd64:v1.30.0-alpha.1.107_052bce26f4f48b\" failed" error="rpc error: code = NotFound desc = failed to pull and unpack image \"registry.k8s.io/kube-apiserver-amd64:v1.30.0-alpha.1.107_052bce26f4f48b\": failed to resolve reference \"registry.k8s.io/kube-apiserver-amd64:v1.30.0-alpha.1.107_052bce26f4f48b\": registry.k8s.io/kube-apiserver-amd64:v1.30.0-alpha.1.107_052bce26f4f48b: not found"`,
    accept: ['tag-not-found'],
  },
  {
    source: 'rancher/rke2#8824',
    text: 'ctr: connection error: desc = "transport: Error while dialing: dial unix:///run/containerd/containerd.sock: timeout"',
    accept: ['runtime-unreachable'],
  },
  {
    source: 'k3s-io/k3s#2429',
    text: 'Failed to pull image "traefik.local/web:1": rpc error: code = Unknown desc = failed to pull and unpack image "traefik.local/web:1": failed to resolve reference "traefik.local/web:1": failed to do request: Head "https://traefik.local/v2/web/manifests/1": x509: certificate is not valid for any names, but wanted to match traefik.local',
    accept: ['tls-hostname-mismatch'],
  },
  {
    source: 'containerd/containerd#3800',
    text: 'FATA[2019-10-30T14:23:39.122757012+08:00] pulling image failed: rpc error: code = Unknown desc = failed to pull and unpack image "docker.corp.example:5000/team/ui:dev": failed to resolve reference "docker.corp.example:5000/team/ui:dev": failed to do request: Head https://docker.corp.example:5000/v2/team/ui/manifests/dev: x509: certificate has expired or is not yet valid',
    accept: ['tls-certificate-expired', 'clock-skew'],
  },
  {
    source: 'crc-org/crc#3166',
    text: 'Trying to pull docker.io/library/httpd:latest...\nError: initializing source docker://httpd:latest: pinging container registry registry-1.docker.io: Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io: no such host',
    accept: ['dns-name-not-found'],
  },
  {
    source: 'podman-desktop/podman-desktop#15471',
    text: 'Error: Command execution failed with exit code 125\npinging container registry quay.io: Get "https://quay.io/v2/": proxyconnect tcp: dial tcp 127.0.0.1:7890: connectex: No connection could be made because the target machine actively refused it.',
    accept: ['proxy-unreachable'],
  },
  {
    source: 'containers/podman#22500',
    text: 'Error: initializing source docker://libary/ubuntu:latest: pinging container registry registry-1.docker.io: Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io on 192.168.178.1:53: dial udp 192.168.178.1:53: socket: permission denied',
    accept: ['dns-refused'],
  },
  {
    source: 'containers/podman#9990',
    text: 'Error: 2 errors occurred while pulling:\n * Error initializing source docker://registry.opensuse.org/team/nexus3:latest: Error reading manifest latest in registry.opensuse.org/team/nexus3: name unknown\n * Error initializing source docker://team/nexus3:latest: Error reading manifest latest in docker.io/team/nexus3: errors:\ndenied: requested access to the resource is denied\nunauthorized: authentication required',
    accept: ['repository-not-found', 'repository-not-found-or-private'],
  },
  {
    source: 'containers/podman#27889',
    text: 'Error: unable to copy from source docker://php:latest: initializing source docker://php:latest: pinging container registry registry-1.docker.io: Get "https://registry-1.docker.io/v2/": proxyconnect tcp: dial tcp 127.0.0.1:10808: connect: connection refused',
    accept: ['proxy-unreachable'],
  },
  {
    source: 'hcloud-talos/terraform-hcloud-talos#252',
    text: '2a01:4f8:c014:2f4d::1: user: warning: [2025-07-29T16:56:29.297951014Z]: level=info msg=fetch failed error=failed to do request: Head "https://ghcr.io/v2/siderolabs/kubelet/manifests/v1.30.3": dial tcp 140.82.121.34:443: connect: network is unreachable host=ghcr.io image=ghcr.io/siderolabs/kubelet:v1.30.3',
    accept: ['no-route'],
  },
  {
    source: 'kubernetes/minikube#16028',
    text: 'Error response from daemon: error parsing HTTP 403 response body: ',
    accept: ['access-denied', 'source-address-blocked'],
  },
  {
    source: 'allenporter/k8s-gitops#2384',
    text: 'rpc error: code = Unknown desc = error validating installer image "factory.talos.dev/metal-installer/00b8:v1.9.6": 1 error(s) occurred:\n    failed to pull image "factory.talos.dev/metal-installer/00b8:v1.9.6": failed to resolve reference "factory.talos.dev/metal-installer/00b8:v1.9.6": factory.talos.dev/metal-installer/00b8:v1.9.6: not found',
    accept: ['tag-not-found'],
  },
  {
    source: 'openshift-metal3/dev-scripts#847',
    text: 'Nov 18 12:19:25 worker-1 machine-config-daemon[2247]: Error: error pulling image "registry.example/ocp/4.3@sha256:c9b4a91173d2": unable to pull registry.sv>',
    accept: ['unknown'],
  },
  {
    source: 'containerd/containerd#3804',
    text: 'failed to do request: Head https://registry.corp.example/v2/core/portal/manifests/1: x509: certificate signed by unknown authority',
    accept: ['tls-unknown-authority'],
  },
  {
    source: 'F5Networks/k8s-bigip-ctlr#1681',
    text: 'Failed to pull image "team/web:2.2.2": rpc error: code = Unknown desc = failed to pull and unpack image "docker.io/team/web:2.2.2": failed to unpack image on snapshotter overlayfs: mismatched image rootfs and manifest layers',
    accept: ['manifest-unsupported'],
  },
];
