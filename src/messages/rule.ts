import type { CauseId } from '../model/cause-id.ts';

/**
 * How sure a text makes a cause. `proven`: the words can mean nothing else. `likely`: they usually mean this.
 * `possible`: one reading of several.
 */
export type Confidence = 'proven' | 'likely' | 'possible';

/** A short line in the form that the program prints, and where that form was seen. */
export interface Example {
  readonly text: string;
  /** Program and version, or a range of them. */
  readonly seen: string;
}

/** What one phrase of a runtime, of Go or of a registry means. Rules are searched in order and the first match counts. */
export interface Rule {
  /** `family/name`; stable, shown with an explanation. */
  readonly id: string;
  /**
   * Searched in the text after every layer of quoting and logging is taken off. Its named groups become the details of
   * the explanation; `image` and `registry` have their own place there.
   */
  readonly pattern: RegExp;
  readonly cause: CauseId;
  readonly confidence: Confidence;
  /** What the same words can mean too, likelier ones first. */
  readonly alternatives?: readonly CauseId[];
  /**
   * Who says such words. `pull`: nothing but an image pull. `network`: every network client, so it does not count where
   * the text is about something else. `vague`: every program, so it counts only where the text is about a pull.
   */
  readonly scope: 'pull' | 'network' | 'vague';
  readonly examples: readonly Example[];
  /** Texts that look like this and are something else, or nothing. */
  readonly lookalikes: readonly string[];
}
