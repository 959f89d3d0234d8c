/**
 * The report's own style: it stands in the page, which loads nothing. Light and dark follow the reader's setting; on
 * paper everything is light and nothing is cut between two pages; on a phone tables become blocks.
 */
export const reportStyle = `
:root{color-scheme:light dark;--ground:#f6f7f9;--paper:#fff;--ink:#1b2430;--soft:#5b6777;--line:#dfe3e9;--code:#eef1f5;
--good:#1a7f4b;--warn:#9a6200;--bad:#c02b2b;--open:#5b6777;--a:#2f6fb3;--b:#6a9bd1;--c:#8f7cc3;--d:#c9a04e}
@media(prefers-color-scheme:dark){:root{--ground:#12161c;--paper:#1a2029;--ink:#e4e9f0;--soft:#9aa6b6;--line:#2d3642;--code:#232b36;
--good:#4fc487;--warn:#e0a63a;--bad:#ff7b72;--open:#9aa6b6;--a:#4d8fd6;--b:#86b4e4;--c:#a795dd;--d:#d9b56a}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;-webkit-text-size-adjust:100%}
main{max-width:64rem;margin:0 auto;padding:1.5rem 1rem 3rem}
h1{font-size:1.5rem;line-height:1.25;margin:.15rem 0 .5rem}
h2{font-size:1.1rem;margin:2.2rem 0 .7rem}
h3{font-size:1rem;margin:0 0 .35rem;overflow-wrap:anywhere}
p{margin:.35rem 0;overflow-wrap:anywhere}
code{font:.9em/1.45 ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
pre{margin:.35rem 0 .6rem;padding:.55rem .7rem;background:var(--code);border-radius:.35rem;white-space:pre-wrap;overflow-wrap:anywhere}
ul{margin:.35rem 0;padding-left:1.2rem}li{margin:.25rem 0;overflow-wrap:anywhere}
.soft{color:var(--soft);font-size:.88rem}
.head{background:var(--paper);border:1px solid var(--line);border-left:.4rem solid var(--tone);border-radius:.5rem;padding:1rem 1.2rem}
.word{display:inline-block;color:var(--tone);font-weight:650;font-size:.85rem;letter-spacing:.02em}
.lead{font-size:1.05rem}
.healthy{--tone:var(--good)}.degraded{--tone:var(--warn)}.faulty{--tone:var(--bad)}.inconclusive{--tone:var(--open)}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.6rem;margin:.9rem 0 0;padding:0}
.figures div{background:var(--paper);border:1px solid var(--line);border-radius:.5rem;padding:.6rem .9rem}
.figures dt{color:var(--soft);font-size:.85rem}.figures dd{margin:0;font-size:1.45rem;font-weight:650;font-variant-numeric:tabular-nums}
.figures .tone{color:var(--tone)}
.item{background:var(--paper);border:1px solid var(--line);border-left:.25rem solid var(--tone);border-radius:.5rem;padding:.85rem 1.1rem;margin:0 0 .8rem}
.tags{margin:.35rem 0}
td.way{width:36%}td.way p{margin-top:0}
.item .todo{margin-top:.5rem;padding-left:1.1rem}
table{width:100%;border-collapse:collapse;background:var(--paper);border:1px solid var(--line);border-radius:.5rem;overflow:hidden;font-size:.92rem}
th,td{text-align:left;vertical-align:top;padding:.5rem .75rem;border-top:1px solid var(--line);overflow-wrap:anywhere}
thead th{border-top:0;color:var(--soft);font-weight:500;font-size:.82rem;white-space:nowrap}
td.num{font-variant-numeric:tabular-nums;white-space:nowrap}
tbody th{font-weight:500;min-width:12rem}
.state{color:var(--tone);font-weight:600;white-space:nowrap}
.bar{display:flex;height:.45rem;width:100%;min-width:7rem;max-width:14rem;border-radius:.25rem;overflow:hidden;background:var(--code);margin:.4rem 0 .15rem}
.bar i{display:block;height:100%}.a{background:var(--a)}.b{background:var(--b)}.c{background:var(--c)}.d{background:var(--d)}
.bar.wide{max-width:none;height:.8rem;margin:.4rem 0 .5rem}.apart{border-left:.2rem solid var(--a);padding-left:.7rem}
.bar .healthy,.key .healthy{background:var(--good)}.bar .degraded,.key .degraded{background:var(--warn)}.bar .faulty,.key .faulty{background:var(--bad)}
.bar .silent,.key .silent{background:repeating-linear-gradient(135deg,var(--open) 0 3px,var(--line) 3px 6px)}.bar .unknown,.key .unknown{background:var(--line)}
.key span{display:inline-block;white-space:nowrap}
.key i{display:inline-block;width:.7rem;height:.7rem;border-radius:.15rem;margin:0 .3rem 0 .8rem;vertical-align:-.05rem}
details>summary{cursor:pointer;color:var(--soft);margin:.3rem 0}
.cover{display:grid;grid-template-columns:repeat(auto-fit,minmax(18rem,1fr));gap:0 2rem}
@media(max-width:40rem){
body{font-size:16px}.figures dd{font-size:1.2rem;white-space:nowrap}main{padding:.8rem .7rem 2rem}.head{padding:.85rem .9rem}
table,tbody,tr,td,tbody th{display:block;width:100%}thead{position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden}
tbody th{min-width:0}tr{border-top:1px solid var(--line);padding:.5rem .8rem}tbody tr:first-child{border-top:0}
td,td.way,tbody th{border:0;padding:.15rem 0;width:100%}td:empty{display:none}
td[data-name]::before{content:attr(data-name) "  ";color:var(--soft);font-size:.85rem}
td.way::before{display:block}}
@media print{
:root{--ground:#fff;--paper:#fff;--ink:#000;--soft:#444;--line:#bbb;--code:#f2f2f2;--good:#12653a;--warn:#7a4d00;--bad:#a31f1f;--open:#444}
body{font-size:10.5pt}main{max-width:none;padding:0}h2{break-after:avoid}.item,tr,.head,.figures{break-inside:avoid}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
`.trim();
