/** What a person asks for: the flags that `plan`, `diagnose` and `pull` share, parsed. */
export interface PlanRequest {
  readonly image: string;
  /** `-r`: a path of this process. */
  readonly runtimeEndpoint: string | null;
  readonly runtime: 'containerd' | 'cri-o' | null;
  readonly hostRoot: string;
  readonly runtimeVersion: string | null;
  /** `--proxy-env`: the file's path on this machine. */
  readonly proxyEnvFile: string | null;
  readonly nameservers: readonly { readonly address: string; readonly port: number }[];
  /** `--auth-file`: the file's path on this machine. */
  readonly authFile: string | null;
  readonly pullPolicy: 'Always' | 'IfNotPresent' | 'Never' | null;
  /** `--platform`, parsed before; null: this node's. */
  readonly platform: string | null;
}

/** Why a request cannot be carried out at all: the command line is wrong (exit status 2). */
export interface RequestError {
  /** `--auth-file`, `-r`, … */
  readonly flag: string;
  readonly message: string;
}
