//! The page of an open run: one file with its charts drawn as SVG, in Japanese and English, that loads nothing.

use crate::{
    account::{milliseconds, precise},
    approvers::{Decisions, Queued},
    chart::{Line, chart},
    described::{environment, planned},
    findings::{Findings, PERCENTILES, escape},
    gate::Figures as _,
    kinds_report::every_second,
    metrics::Look,
    mix::Kind,
    run::Run,
};

const STYLE: &str = "body{font:16px/1.6 system-ui,sans-serif;max-width:54rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}\
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse}td,th{padding:.2rem .5rem;text-align:right;border-bottom:1px solid #ccc}\
th:first-child,td:first-child{text-align:left;white-space:nowrap}svg{width:100%;height:auto}svg text{font-size:12px;fill:#444}\
.good{color:#00593f}.bad{color:#b3002d;font-weight:bold}.small{font-size:.85rem;color:#555}\
@media print{body{max-width:none;margin:0}svg,table{break-inside:avoid}details{display:none}}";

/// The whole page.
pub(crate) fn page(run: &Run, found: &Findings) -> String {
    let account = &found.account;
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"ja\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
<title>負荷試験の結果 / Load test</title><style>{STYLE}</style></head><body>\n<h1>負荷試験の結果 <span lang=\"en\">/ Load test</span></h1>\n"
    );
    add(
        &mut page,
        &format!(
            "<p>{}<br>{}</p>",
            escape(&planned(run)),
            escape(&environment())
        ),
    );
    let flaws = found.flaws();
    let mut verdict = |class: &str, text: &str| {
        add(
            &mut page,
            &format!("<p class=\"{class}\">{}</p>", escape(text)),
        )
    };
    if flaws.is_empty() {
        verdict("good", "この測定は有効です。 / The run is valid.");
    }
    for flaw in &flaws {
        verdict(
            "bad",
            &format!("この測定は無効です。 / The run is invalid: {flaw}"),
        );
    }
    for gate in &run.gates {
        let (value, holds) = gate.judge(account);
        let (class, word) = if holds {
            ("good", "合格 / holds")
        } else {
            ("bad", "不合格 / does not hold")
        };
        verdict(class, &format!("{gate}: {word} ({value:.3})"));
    }
    add(&mut page, &latencies(found));
    add(&mut page, &counts(found));
    if found.account.kinds.len() > 1 {
        add(&mut page, &kinds(found));
    }
    let limit = found.limit().to_string();
    add(
        &mut page,
        &format!(
            "<p>律速 <span lang=\"en\">/ The limit</span>: {}</p>",
            escape(&limit)
        ),
    );
    add(
        &mut page,
        "<h2>応答時間の推移 (ms) <span lang=\"en\">/ Latency over time</span></h2>",
    );
    add(&mut page, &chart(&over_time(found), "秒 / s"));
    add(
        &mut page,
        "<h2>予定と完了の件数 (毎秒) <span lang=\"en\">/ Offered and ended per second</span></h2>",
    );
    add(&mut page, &chart(&throughput(found), "秒 / s"));
    add(
        &mut page,
        "<h2>百分位ごとの応答時間 (ms) <span lang=\"en\">/ Latency by percentile</span></h2>",
    );
    add(
        &mut page,
        &chart(&spectrum(found), "1: 90 %、2: 99 %、3: 99.9 %、4: 99.99 %"),
    );
    add(
        &mut page,
        "<p class=\"small\">応答時間は、送る予定だった時刻から数えます。<br><span lang=\"en\">Latency is counted from the intended start.</span></p>",
    );
    for (title, lines) in [
        (
            "待ち行列 <span lang=\"en\">/ Queues of the server</span>",
            queues(found),
        ),
        (
            "書込みを待つ件数 <span lang=\"en\">/ Waiting for the writers</span>",
            writers(found),
        ),
        (
            "サーバーのメモリ (MiB) <span lang=\"en\">/ Memory of the server</span>",
            memory(found),
        ),
    ] {
        add(&mut page, &format!("<h2>{title}</h2>"));
        add(&mut page, &chart(&lines, "秒 / s"));
    }
    if let Some(decisions) = &found.decisions {
        add(
            &mut page,
            "<h2>職員の判断を待つ件数 <span lang=\"en\">/ Held requests that wait for the staff</span></h2>",
        );
        add(&mut page, &chart(&held(decisions), "秒 / s"));
    }
    let plan = format!("{:#}", found.json(run));
    add(
        &mut page,
        &format!(
            "<details><summary>JSON</summary><pre>{}</pre></details></body></html>",
            escape(&plan)
        ),
    );
    page
}

fn add(page: &mut String, part: &str) {
    page.push_str(part);
    page.push('\n');
}

fn latencies(found: &Findings) -> String {
    let heads = PERCENTILES.map(|at| format!("<th>{at} %</th>")).concat();
    let row = |name: &str, times: &hdrhistogram::Histogram<u64>| {
        let cells = PERCENTILES.map(|at| {
            format!(
                "<td>{:.2}</td>",
                milliseconds(times.value_at_quantile(at / 100.0))
            )
        });
        format!("<tr><td>{name}</td>{}</tr>", cells.concat())
    };
    format!(
        "<table><tr><th>ms</th>{heads}</tr>{}{}</table>",
        row("応答時間 / latency", &found.account.latency),
        row("処理時間 / service time", &found.account.service)
    )
}

fn counts(found: &Findings) -> String {
    let account = &found.account;
    format!(
        "<p>送信 sent {} = 回答 answered {} + 拒否 refused {} + 職員待ち waiting {} + 失敗 failed {}</p>\
<p>照合した回答 answers compared {} (相違 differ {})、記録 exchanges recorded {} (相違 differ {})</p>",
        account.sent,
        account.answered(),
        account.refused(),
        account.waiting,
        account.failed(),
        found.compared(),
        found.differ(),
        found.records,
        found.disagree
    )
}

fn kinds(found: &Findings) -> String {
    let rows = found.account.kinds.iter().map(|(kind, account)| {
        let (compared, differ) = found.compared.of.get(kind).copied().unwrap_or_default();
        let counts = [
            account.sent,
            account.answered(),
            account.refused(),
            account.waiting,
            account.failed(),
            compared,
            differ,
        ];
        let counts = counts.map(|count| format!("<td>{count}</td>")).concat();
        let times = [50.0, 99.0].map(|at| format!("<td>{:.1}</td>", account.latency_ms(at)));
        format!(
            "<tr><td>{}</td>{counts}{}</tr>",
            named(*kind),
            times.concat()
        )
    });
    format!(
        "<h2>種類ごと <span lang=\"en\">/ By kind</span></h2><table><tr><th>種類<br>kind</th><th>送信<br>sent</th><th>回答<br>answered</th>\
<th>拒否<br>refused</th><th>職員待ち<br>waiting</th><th>失敗<br>failed</th><th>照合<br>compared</th><th>相違<br>differ</th><th>p50 ms</th><th>p99 ms</th></tr>{}</table>",
        rows.collect::<String>()
    )
}

fn named(kind: Kind) -> &'static str {
    match kind {
        Kind::Inquiry => "照会 / inquiry",
        Kind::Batch => "照会ファイル / batch",
        Kind::Replicas => "副本ファイル / replicas",
        Kind::Symbols => "符号取得 / symbols",
        Kind::Held => "自動応答不可 / held",
    }
}

fn held(decisions: &Decisions) -> Vec<Line> {
    let seconds = every_second(&decisions.queue);
    let line = |name, colour, of: fn(&Queued) -> u64| {
        let points = seconds.iter();
        Line {
            name,
            colour,
            points: points
                .map(|(second, queued)| (precise(*second), precise(of(queued))))
                .collect(),
        }
    };
    vec![
        line("点検待ち unchecked", "#b3002d", |queued| {
            queued.unchecked
        }),
        line("承認待ち checked", "#0055ad", |queued| queued.checked),
    ]
}

fn over_time(found: &Findings) -> Vec<Line> {
    let percentile = |name, colour, at: f64| {
        let seconds = (0..).zip(&found.account.seconds);
        let seconds = seconds.filter(|(_, second)| !second.latency.is_empty());
        let points = seconds.map(|(number, second)| {
            (
                precise(number),
                milliseconds(second.latency.value_at_quantile(at)),
            )
        });
        Line {
            name,
            colour,
            points: points.collect(),
        }
    };
    vec![
        percentile("p50", "#0055ad", 0.5),
        percentile("p99", "#b3002d", 0.99),
    ]
}

fn throughput(found: &Findings) -> Vec<Line> {
    let count = |name, colour, of: fn(&crate::account::Second) -> u64| {
        let seconds = (0..).zip(&found.account.seconds);
        let points = seconds.map(|(number, second)| (precise(number), precise(of(second))));
        Line {
            name,
            colour,
            points: points.collect(),
        }
    };
    vec![
        count("予定 offered", "#767676", |second| second.offered),
        count("完了 ended", "#00593f", |second| second.ended),
    ]
}

fn looked(
    found: &Findings,
    name: &'static str,
    colour: &'static str,
    of: fn(&Look) -> f64,
) -> Line {
    let looks = found.looks.0.iter();
    Line {
        name,
        colour,
        points: looks.map(|look| (look.at_s, of(look))).collect(),
    }
}

fn queues(found: &Findings) -> Vec<Line> {
    vec![
        looked(found, "処理中 under way", "#0055ad", |look| {
            look.exchanges
        }),
        looked(found, "順番待ち waiting", "#b3002d", |look| {
            look.exchanges_waiting
        }),
        looked(found, "受付待ち submissions", "#767676", |look| {
            look.submissions_waiting
        }),
    ]
}

fn writers(found: &Findings) -> Vec<Line> {
    vec![
        looked(found, "台帳 ledger", "#00593f", |look| {
            look.ledger.waiting
        }),
        looked(found, "状態 state", "#8a4b00", |look| look.state.waiting),
    ]
}

fn memory(found: &Findings) -> Vec<Line> {
    vec![looked(found, "MiB", "#0055ad", |look| look.resident_mib)]
}

/// Along the axis: how many nines; 2 is 99 %.
fn spectrum(found: &Findings) -> Vec<Line> {
    let line = |name, colour, times: &hdrhistogram::Histogram<u64>| {
        let points = (0..=40).map(|step| {
            let nines = f64::from(step) / 10.0;
            (
                nines,
                milliseconds(times.value_at_quantile(1.0 - 10_f64.powf(-nines))),
            )
        });
        Line {
            name,
            colour,
            points: points.collect(),
        }
    };
    vec![
        line("応答時間 latency", "#b3002d", &found.account.latency),
        line("処理時間 service time", "#0055ad", &found.account.service),
    ]
}
