/**
 * Bounds on everything that is read from outside. Units are in the names.
 * A bound that is met is a finding or a problem with a name, never a silent cut.
 */
export const limits = {
  /** Configuration files of a node: containerd's largest known config is a few KiB. */
  configFileBytes: 1024 * 1024,
  /** All configuration files of one plan together; a node's have some hundred KiB, and parsing takes 50 ms for each MiB. */
  planConfigBytes: 32 * 1024 * 1024,
  /** Everything else that one plan reads (certificates, tables of /proc), links to one file counted each. */
  planOtherBytes: 128 * 1024 * 1024,
  /** A CA bundle: Debian's is 220 KiB, corporate ones some MiB. */
  trustFileBytes: 16 * 1024 * 1024,
  /** All files of the trust store together; larger ones are not read on. */
  trustStoreBytes: 64 * 1024 * 1024,
  /** /etc/hosts: lists that block advertisers have some MiB. */
  hostsFileBytes: 16 * 1024 * 1024,
  /** /etc/hostname: a name has at most 253 characters. */
  hostnameBytes: 4096,
  /** The environment of one process: Linux takes 2 MiB of arguments and environment by default. */
  environmentBytes: 4 * 1024 * 1024,
  /** One table of /proc (net/unix): 100 bytes for each socket of the node. */
  procTableBytes: 16 * 1024 * 1024,
  /** Open files of one process that are looked at; containerd's own limit is 1,048,576, busy ones have some thousands. */
  openFiles: 65_536,
  /** Files in one configuration directory that are looked at. */
  directoryEntries: 4096,
  /** Names of one directory that are listed at all, to sort them; a folder of millions must not fill the memory. */
  directoryNames: 65_536,
  /** Response headers of a registry or a proxy (Node's own default is 16 KiB; Go's client takes 10 MiB). */
  headerBytes: 64 * 1024,
  /** A registry's error body: go-containerregistry and containerd read this much. */
  errorBodyBytes: 64 * 1024,
  /** A manifest or index. containerd already refuses what is larger than 4,393,216 bytes (its MaxManifestSize). */
  manifestBytes: 8 * 1024 * 1024,
  /** Entries of an index or layers of an image; real ones have some tens, containerd's snapshotters stop near 128 layers. */
  manifestEntries: 2048,
  /** Tags or repositories kept of a list; enough to find the nearest name. */
  listedNames: 20_000,
  /** A token answer. */
  tokenBytes: 1024 * 1024,
  /** The part of a layer that is read to prove that bytes come. */
  layerProbeBytes: 64 * 1024,
  /** What a layer that was read to its end is unpacked to, in memory, to check it; more is left unchecked. */
  unpackedLayerBytes: 8 * 1024 * 1024,
  /** Digests of an image's unpacked layers that are kept of its config; snapshotters stop near 128 layers. */
  diffIds: 256,
  /** An image's config blob. */
  configBlobBytes: 4 * 1024 * 1024,
  /** One page of a tag list; 100,000 tags of 20 bytes fit. */
  tagListBytes: 8 * 1024 * 1024,
  /** Redirects followed for one request (containerd and Go: 10). */
  redirects: 10,
  /** One CRI message; the kubelet takes this much (its maxMsgSize). */
  criMessageBytes: 16 * 1024 * 1024,
  /** One value of the runtime's verbose status; containerd's configuration is 10 to 60 KiB. */
  criInfoChars: 1024 * 1024,
  /** Conditions or file systems of one answer over CRI; real runtimes have 2 to 4 of each. */
  criEntries: 64,
  /** Plugins of a containerd; 2.3 brings 60. */
  containerdPlugins: 512,
  /** A name in an answer over CRI: a runtime's, a version, a digest, a mount point. */
  criNameChars: 1024,
  /** An image reference: path, tag and digest are bounded by the grammar, a host by DNS (253); this leaves room for any. */
  referenceChars: 4096,
  /** A DNS message about a host; real ones stay far below, TCP allows 64 KiB. */
  dnsMessageBytes: 16 * 1024,
  /** Records of one DNS message, all sections: 16 KiB of addresses are 500. */
  dnsRecords: 512,
  /** Certificates of a TLS chain that are looked at; public chains have 2 to 4, Go's own bound is on the bytes. */
  chainCertificates: 20,
  /** Bytes of a TLS handshake that are read along; Go takes a certificate message of 256 KiB (maxHandshakeCertificateMsg). */
  tlsHandshakeBytes: 256 * 1024,
  /** The start of an answer that is not TLS, kept to show what speaks there. */
  plainAnswerBytes: 512,
  /** A runtime's error; CRI-O's with all mirrors runs to some KiB, and its cause may stand at either end. */
  runtimeErrorChars: 8 * 1024,
  /** A message that is explained. The kubelet's longest hold a whole container's spec: some 10 KiB. */
  explainedChars: 16 * 1024,
  /** Explained lines that are kept for one document; streams of more go line by line (`-o ndjson`). */
  explainedLines: 10_000,
  /** Probes of one investigation: hostile answers (redirects without end) must not make more work than this. */
  investigationProbes: 400,
  /** Entries of the journal that one investigation reads: more than kubelet and runtime write in 15 minutes. */
  historyEntries: 10_000,
  /** Those of them that are about pulls, each of which takes a tenth of a millisecond: a hundred pods that wait write as many. */
  historyPullLines: 2000,
  /** Their messages together; those of a kubelet have some hundred bytes each. */
  historyBytes: 8 * 1024 * 1024,
  /** A line of the journal as an investigation shows it. */
  historyMessageChars: 400,
  /** A saved investigation: 400 probes with the facts of real answers come to some hundred KiB. */
  savedInvestigationBytes: 16 * 1024 * 1024,
  /** Endpoints of a saved investigation; a registry with more mirrors than a handful is not known. */
  savedEndpoints: 64,
  /** Text of a foreign error kept in a document. */
  messageChars: 2000,
  /** Files that containerd's config.toml may import: real nodes import a handful; a bound against a glob over a huge folder. */
  configImports: 256,
  /** Files read at a runtime's start that are looked at once more, of each kind: a trust store of single files has 150. */
  startFiles: 256,
  /** Pages of journal files in memory, of all files together. */
  journalCacheBytes: 6 * 1024 * 1024,
  /** The same for who follows a journal for days: what is new lies in a few pages, and the rest is memory of every node. */
  journalFollowBytes: 1024 * 1024,
  /** Files of a journal that are opened; a node keeps some tens, journald's own bound is 100 a kind (SystemMaxFiles=). */
  journalFiles: 1024,
  /** Arrays of one list of entries; as their size doubles, 2^32 entries need 32. */
  journalArrays: 1024,
  /** A field's value; journald takes 48 KiB lines from services (LineMax=), core dumps alone come near this. */
  journalValueBytes: 8 * 1024 * 1024,
  /** All fields of one entry. */
  journalEntryBytes: 32 * 1024 * 1024,
  /** Fields of one entry; journald takes 1024 (ENTRY_FIELD_COUNT_MAX). */
  journalEntryFields: 4096,
  /** A field's name: journald takes 64 characters. */
  journalNameBytes: 128,
  /** Distinct boots that are listed. */
  journalBoots: 10_000,
  /** Pulls of one node that are followed through its journal at a time; kubelets take 110 pods by default. */
  openPulls: 1024,
  /** Entries of a content store's ingest folder that are read: containerd fetches three layers of a pull at a time. */
  transfers: 64,
  /** One file beside the data of such an entry: a name, a time, a size. */
  transferFileBytes: 4096,
  /** Pods and pulls of the journal that an investigation tells of. */
  journalPulls: 8,
  /** One line of journalctl's JSON output, base of which is one entry. */
  journalLineBytes: 64 * 1024 * 1024,
  /** Images that fail at once on one node; the kubelet runs 110 pods by default, large nodes 500. */
  agentIncidents: 1000,
  /** Containers that wait at once, kept one by one; some 300 bytes each. */
  agentPods: 10_000,
  /** Containers beyond those, of which only the names are known; some 100 bytes each. */
  agentMorePods: 10_000,
  /** Investigations that wait or run; a storm of 500 images fits, and each costs a KiB until it runs. */
  agentQueue: 1000,
  /** An agent's answer to the command: 200 investigations of 40 KiB fit. */
  apiAnswerBytes: 64 * 1024 * 1024,
  /** A token, certificate, key or authority that a setting or a flag names: bundles of all public authorities have 250 KiB. */
  namedFileBytes: 1024 * 1024,
  /** The answer of a credential plugin: a cloud's has one token of some KiB for each registry. */
  pluginAnswerBytes: 1024 * 1024,
  /** A request's body over HTTP: an image, a policy and a credential. */
  apiBodyBytes: 128 * 1024,
  /** Plans that an agent keeps: each has some KiB, and a node rarely uses more images at a time that fail or are checked. */
  agentPlans: 128,
  /** Pulls that wait, run, or are remembered. */
  agentPulls: 500,
  /** Incidents that are over and kept for the report. */
  agentPastIncidents: 500,
  /** Registries whose health one node watches; nodes use a handful, and each is asked every minute. */
  agentRegistries: 200,
  /** An object of the Kubernetes API: etcd takes 1.5 MiB by default, and its JSON is at most some times as long. */
  kubeObjectBytes: 8 * 1024 * 1024,
  /** A page of a list: a hundred pods have 1 to 3 MiB, and servers may give all of a node's at once. */
  kubePageBytes: 64 * 1024 * 1024,
  /** What is read of the answer to a notification: Slack says `ok` or one word. */
  postAnswerBytes: 4096,
  /** A page of a collector's list in characters: 50 incidents of 20 KiB fit many times, 500 of the largest do not. */
  fleetAnswerBytes: 8 * 1024 * 1024,
  /** Results of one node in one answer: it uses a handful of registries, and some hundred images at most fail at once. */
  fleetNodeResults: 1000,
  /** Readers of a collector's events at once; each costs a connection and a position. */
  fleetSubscribers: 200,
  /** Objects of one list: pods of a node are 110 to some hundreds, events of a namespace some thousands. */
  kubeListItems: 20_000,
  /** Records that wait for the collector: a week's heartbeats are 10,000, and what replaces another counts once. */
  spoolRows: 100_000,
  /** An investigation as it is reported; real ones have 40 KiB. Above it the longest facts are left out. */
  reportedInvestigationBytes: 256 * 1024,
  /** A batch of reports, packed or not: agents send 512 KiB of characters at most. */
  reportBytes: 4 * 1024 * 1024,
  /** Of batches that are unpacked and on their way to the store; as objects they take some times as much. */
  reportsUnpackedBytes: 32 * 1024 * 1024,
  /** One record of it in characters; the largest are investigations, which agents cut to 256 KiB. */
  reportRecordChars: 1024 * 1024,
  /** Objects and lists within each other in a record; an investigation has some ten. */
  reportDepth: 64,
  /** The collector's answer to a batch: each of 500 records may be refused with a sentence. */
  receiptBytes: 1024 * 1024,
} as const;

/** `text` cut to `max` characters, with a mark that says how much is missing. */
export function clip(text: string, max: number = limits.messageChars): string {
  return text.length <= max ? text : `${text.slice(0, max)}… (${text.length - max} characters more)`;
}
