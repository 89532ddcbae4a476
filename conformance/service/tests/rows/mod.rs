//! The rows of the table: which of them this runner runs, and which of those are known to fail.

use std::collections::BTreeSet;

use serde_json::Value;

/// Whose runners read the table.
const LANGUAGES: [&str; 4] = ["rust", "c", "go", "python"];

/// What a runner does with the table.
#[derive(Debug)]
pub struct Plan {
    /// Rows that have to hold.
    pub run: Vec<Value>,
    /// Rows that are known gaps of this language: they have to fail.
    pub gaps: Vec<Value>,
    /// How many rows are of what this language does not have by nature.
    pub skipped: usize,
}

fn text<'a>(value: &'a Value, field: &str) -> Result<&'a str, String> {
    value[field].as_str().ok_or_else(|| format!("{value} has no text {field:?}"))
}

fn known(language: &str) -> Result<&str, String> {
    LANGUAGES.contains(&language).then_some(language).ok_or_else(|| format!("there is no runner of {language:?}"))
}

/// Whether a row is meant for this language.
fn concerns(row: &Value, language: &str) -> Result<bool, String> {
    let Some(listed) = row.get("languages") else { return Ok(true) };
    let listed = listed.as_array().ok_or_else(|| format!("the languages of {row} are no list"))?;
    let mut concerns = false;
    for one in listed {
        concerns |= known(one.as_str().unwrap_or_default())? == language;
    }
    Ok(concerns)
}

/// Sorts the rows; an error says what the tables name that is not there.
pub fn plan(rows: &[Value], gaps: &[Value], language: &str) -> Result<Plan, String> {
    let mut names = BTreeSet::new();
    for row in rows {
        if !names.insert(text(row, "name")?) {
            return Err(format!("two rows have the name {}", row["name"]));
        }
    }
    let mut open = BTreeSet::new();
    for gap in gaps {
        let row = text(gap, "row")?;
        text(gap, "why")?;
        if !names.contains(row) {
            return Err(format!("the gap {row:?} names no row"));
        }
        if known(text(gap, "language")?)? == language {
            open.insert(row);
        }
    }
    let mut plan = Plan { run: Vec::new(), gaps: Vec::new(), skipped: 0 };
    for row in rows {
        let is_gap = open.contains(text(row, "name")?);
        match (concerns(row, language)?, is_gap) {
            (true, false) => plan.run.push(row.clone()),
            (true, true) => plan.gaps.push(row.clone()),
            (false, false) => plan.skipped += 1,
            (false, true) => return Err(format!("the gap {} is of a row that is not for {language}", row["name"])),
        }
    }
    Ok(plan)
}

#[test]
fn the_plan_refuses_what_is_not_there() {
    let read = |json: &str| serde_json::from_str::<Vec<Value>>(json).expect("is JSON");
    let rows =
        read(r#"[{"name": "a"}, {"name": "b", "languages": ["c", "rust"]}, {"name": "c", "languages": ["go"]}]"#);
    let good = plan(&rows, &[], "rust").expect("is good");
    assert_eq!((good.run.len(), good.gaps.len(), good.skipped), (2, 0, 1));
    let gap = plan(&rows, &read(r#"[{"row": "b", "language": "rust", "why": "?"}]"#), "rust").expect("is good");
    assert_eq!((gap.run.len(), gap.gaps.len(), gap.skipped), (1, 1, 1));
    for (rows, gaps, why) in [
        (r#"[{"name": "a", "languages": ["cobol"]}]"#, "[]", "there is no runner of \"cobol\""),
        (r#"[{"name": "a"}, {"name": "a"}]"#, "[]", "two rows have the name"),
        (r#"[{"name": "a"}]"#, r#"[{"row": "b", "language": "go", "why": "?"}]"#, "names no row"),
        (r#"[{"name": "a"}]"#, r#"[{"row": "a", "language": "cobol", "why": "?"}]"#, "there is no runner of"),
        (r#"[{"name": "a"}]"#, r#"[{"row": "a", "language": "go"}]"#, "has no text \"why\""),
        (
            r#"[{"name": "a", "languages": ["go"]}]"#,
            r#"[{"row": "a", "language": "rust", "why": "?"}]"#,
            "is not for rust",
        ),
    ] {
        let refused = plan(&read(rows), &read(gaps), "rust").expect_err(why);
        assert!(refused.contains(why), "{refused}");
    }
}
