import { httpProblems, type SettingProblem } from '../serve/http-problems.ts';
import { notifyProblems } from './notify/settings.ts';
import { type CollectorSettings, usualStore } from './settings.ts';

/** What cannot be of the settings together, each right by itself. */
export function settingProblems(settings: CollectorSettings): readonly SettingProblem[] {
  const { http, store, storeFile, notify, report } = settings;
  const problems = [...httpProblems(http, { who: 'collector', port: 9450 }), ...notifyProblems(notify)];
  const say = (setting: string, message: string): void => void problems.push({ setting, message });
  const { mode, audiences, anyNode } = http.auth;
  if (mode !== 'kubernetes' && audiences.length > 0)
    say('http.auth.audiences', 'Nothing looks at them unless http.auth.mode is kubernetes: set that.');
  if (mode !== 'kubernetes' && anyNode.length > 0)
    say('http.auth.anyNode', 'Nothing looks at them unless http.auth.mode is kubernetes: set that.');
  const { publicUrl } = http;
  if (publicUrl !== null && !/^https?:$/.test(URL.parse(publicUrl)?.protocol ?? ''))
    say('http.publicUrl', 'It is no URL with http:// or https://.');
  if (storeFile === null) {
    if (!/^(sqlite|postgres(ql)?):/i.test(store))
      say('store', 'It is neither sqlite:///absolute/path of a file nor postgres://user@host/database.');
  } else if (store !== usualStore)
    say('storeFile', 'store is set too, and one of the two is the store: leave the other out.');
  if (report.schedule !== 'off' && report.directory === null)
    say('report.schedule', 'It needs report.directory, where the reports are written.');
  return problems;
}
