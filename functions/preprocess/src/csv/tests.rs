//! Both readings of a file return the same.

use proptest::prelude::*;

use super::*;
use crate::number;

const LIMITS: Limits = Limits {
    line: 40,
    columns: 10,
    values: 1000,
};

/// Returns the result of a reading as text: names, cells and their lines, or the error.
fn seen(text: &str, reading: Reading<'_>) -> Result<Vec<String>, String> {
    let file = File {
        name: "a.csv".to_owned(),
        bytes: Bytes::from(text.to_owned()),
    };
    let raw = read(&file, &LIMITS, reading).map_err(|error| error.to_string())?;
    let cells: Vec<&Cells> = raw.columns.iter().map(|column| &column.cells).collect();
    let numbers = number::read_all(&cells, 1);
    let column = |(column, numbers): (&RawColumn, &number::Numbers<'_>)| {
        let values: Vec<u64> = numbers.values.iter().map(|value| value.to_bits()).collect();
        let text = match &column.cells {
            // For a column of numbers only these are kept.
            Cells::Text(text) if numbers.count == 0 => format!("{:?}", text.iter().collect::<Vec<_>>()),
            _ => String::new(),
        };
        let lines: Vec<u64> = (0..column.cells.len()).map(|row| raw.line(row)).collect();
        let (count, first_text) = (numbers.count, numbers.text);
        format!(
            "{}: {values:x?}, {count}, {first_text:?}, {text}, lines {lines:?}",
            column.name
        )
    };
    Ok(raw.columns.iter().zip(&numbers).map(column).collect())
}

fn check(text: &str) {
    for threads in [1, 2] {
        let plain = Reading::Plain(threads, &|name| name == "t");
        assert_eq!(seen(text, plain), seen(text, Reading::Text), "{text:?}");
    }
}

#[test]
fn a_file_is_read_the_same_way_as_numbers_and_as_text() {
    for text in [
        "t,a\n1,2\n3,4\n",
        "t,a\r\n1,2\r\n3,4",
        "t,a\r\n1,x\r\n3,y\r\n",
        "t,a\n1,2\n\n3,4\n",
        "t,a,b,c\n1,2,3,4\n\n\n\n\n\n\n\n\n",
        "\nt,a\n1,2\n",
        "\r\nt,a\r\n1,2\r\n",
        "t,a\n1,2\n3\n",
        "t,a\n1,2,3\n4\n",
        "t,a\n1,2\n3,\"4\"\n",
        "t,\"a\"\n1,2\n",
        "t,a\n\"1\",2\n3,4\n",
        "t,a\n1, 2\n3,4 \n",
        "t,a\n1,\n3,4\n",
        "t,a\n1,2\n3,four\n",
        "t,a\n1,2\n3,1e999\n",
        "t,a\n1,2\n3,NaN\n",
        "t,a\n1,2",
        "t,a\n",
        "t,a",
        "",
        "t\n1\n2\n",
        "t;a\n1;2\n3;4\n",
        "t;a\n1;2,5\n3;4,5\n",
        "\u{feff}t,a\n1,2\n",
        "t,ä\n1,2\n3,ö\n",
        "t,a\n1,2\n3,0000000000000000000000000000000000000000\n",
    ] {
        check(text);
    }
}

fn cell() -> impl Strategy<Value = String> {
    let plain = prop::sample::select(vec!["1", "-2.5", "1e3", "17", "0.1", "12345.678901234567"]);
    let odd = prop::sample::select(vec![
        "", " 7 ", "NaN", "-", "x", "\"q\"", "1\"", "é", "inf", "1;5", "+3", "1.",
    ]);
    prop_oneof![9 => plain, 1 => odd].prop_map(str::to_owned)
}

proptest! {
    #[test]
    fn any_file_is_read_the_same_way_as_numbers_and_as_text(
        rows in prop::collection::vec(prop::collection::vec(cell(), 3), 0..6),
        end in prop::sample::select(vec!["\n", "\r\n"]),
        odd in prop::option::weighted(0.3, (any::<prop::sample::Index>(), prop::sample::select(vec!["\n", "\r\n", ",", "\"", "\n\n", " "]))),
        ends in any::<bool>(),
    ) {
        let mut text = format!("t,a,b{end}");
        for row in &rows {
            text += &row.join(",");
            text += end;
        }
        if !ends {
            text.truncate(text.len() - end.len());
        }
        if let Some((place, odd)) = odd {
            let places: Vec<usize> = (0..=text.len()).filter(|&at| text.is_char_boundary(at)).collect();
            text.insert_str(places[place.index(places.len())], odd);
        }
        check(&text);
    }
}
