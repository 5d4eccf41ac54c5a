//! `scaling compare` of whole studies, as a user runs it.

mod support;

use std::path::Path;
use std::process::Command;
use support::{analytic, entries, text};

#[test]
fn studies_are_compared() {
    let bench = analytic();
    bench.succeed("study --out bent --set noise=0 --set seeds=1 --set sgd_rates=1 --set epochs=80");
    bench.succeed("study --out straight --set shards=500,1000,2000,4000 --set sizes=3000 --set seeds=2");
    bench.succeed("study --out short --set shards=500,1000 --set sizes=100");
    let tool = bench.tool();
    let fit = |study: &str| -> serde_json::Value {
        let fits = tool.read(&format!("{study}/fit.json"));
        let fits: serde_json::Value = serde_json::from_str(&fits).expect("JSON");
        fits["curves"][0]["composite"]["power"].clone()
    };

    let document = tool.json("compare short bent straight --json");
    let rows = document["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[2]["study"], "short");
    assert!(rows[2]["refused"].as_str().expect("a reason").contains("needs 3 sizes"), "{}", rows[2]);
    let number = |row: &serde_json::Value| row["beta_g"]["value"].as_f64().expect("beta_g");
    assert!(number(&rows[0]) > number(&rows[1]), "the flattest comes first");
    for row in &rows[..2] {
        let fit = fit(row["study"].as_str().expect("a name"));
        assert_eq!((&row["beta_g"]["value"], &row["beta_g"]["ci"]), (&fit["beta"], &fit["ci"]["beta"]));
        assert_eq!((&row["m_range"], &row["points"]), (&fit["region"], &fit["points"]));
        assert!(row["cost"]["seconds"].as_f64() > Some(0.0) && row["paper"].is_null(), "{row}");
        assert_eq!(row["cost"]["timed"], row["cost"]["trials"]);
    }
    let wide = tool.json("compare bent straight --json --level 0.999");
    let width = |row: &serde_json::Value| {
        row["beta_g"]["ci"][1].as_f64().expect("an end") - row["beta_g"]["ci"][0].as_f64().expect("an end")
    };
    for (row, wide) in rows.iter().zip(wide["rows"].as_array().expect("rows")) {
        assert!(
            row["beta_g"]["value"] == wide["beta_g"]["value"] && width(row) < width(wide),
            "{row} {wide}"
        );
    }

    let text = tool.succeed("compare short bent straight");
    assert!(text.starts_with("3 learning curves of 3 studies, from the flattest"), "{text}");
    tool.succeed("compare short bent straight --html page.html");
    let page = tool.read("page.html");
    assert!(page.contains("<svg") && page.contains("needs 3 sizes"), "{page}");

    let again = tool.refuse("compare bent straight bent/../bent");
    assert!(again.contains("bent/../bent is given twice (before as bent)"), "{again}");
    assert!(tool.refuse("compare nowhere").contains("nowhere does not exist"));
    assert!(tool.refuse("compare bent/curve.csv").contains("bent/curve.csv is a file"));
    assert!(tool.refuse("compare bent/trials").contains("bent/trials is no study"));
    assert!(tool.refuse("compare bent --html nowhere/page.html").contains("nowhere/page.html"));
    assert!(tool.refuse("compare bent --json --html page.html").contains("cannot be used with"));
    assert!(tool.refuse("compare bent --level 95").contains("between 0 and 1"));
    assert!(tool.refuse("compare").contains("DIR"));
    tool.write("bent/fit.json", b"{");
    assert!(tool.refuse("compare bent").contains("`scaling report bent` writes it"));
    std::fs::remove_file(tool.path("bent/fit.json")).expect("a file");
    let missing = tool.refuse("compare bent");
    assert!(
        missing.contains("bent has no fit yet") && missing.contains("`scaling report bent`"),
        "{missing}"
    );
    tool.succeed("report bent");
    tool.succeed("compare bent");
}

#[test]
fn names_with_control_characters_are_told_in_one_line() {
    for arguments in [["compare", "no\nsuch\nplace\nas\nthis"], ["report", "\u{1b}[2J\r\n\n\n\n"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_scaling")).args(arguments).output();
        let output = output.expect("the binary starts");
        let said = text(&output.stderr);
        assert_eq!((output.status.code(), said.lines().count()), (Some(2), 1), "{said:?}");
        assert!(!said.trim_end().contains(char::is_control), "{said:?}");
    }
}

#[test]
fn what_is_kept_of_studies_is_compared() {
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/results");
    let mut studies = entries(&results);
    studies.retain(|path| path.join("fit.json").exists());
    let output = Command::new(env!("CARGO_BIN_EXE_scaling"))
        .args(["compare", "--json"])
        .args(&studies)
        .output()
        .expect("the binary starts");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let rows = document["rows"].as_array().expect("rows");
    assert!(rows.len() >= studies.len());
    for row in rows {
        assert!(row["paper"]["beta_g"].is_number() && row["cost"]["flops"].is_number(), "{row}");
        // Of a study whose trials are not kept there are no seconds.
        assert!(row["cost"]["timed"] == 0 || row["cost"]["seconds"].is_number(), "{row}");
    }
}
