//! JSON that can be written in one way only, so that others come to the same digest: that of RFC 8785.
//!
//! Keys in the order of their UTF-16 units, no spaces, strings with the fewest escapes, numbers as
//! ECMAScript writes them.

use serde_json::Value;

/// From here on, and below [`PLAIN_FROM`], numbers are written with an exponent (ECMAScript,
/// `Number::toString`).
const PLAIN_BELOW: f64 = 1e21;

/// The least number that is written without an exponent.
const PLAIN_FROM: f64 = 1e-6;

/// Returns the one form of a value.
pub(super) fn text(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
            list(('{', '}'), &fields, out, |(key, value), out| {
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write(value, out);
            });
        }
        Value::Array(values) => list(('[', ']'), values, out, write),
        Value::Number(number) if number.is_f64() => {
            out.push_str(&number.as_f64().map_or_else(String::new, decimal));
        }
        // Whole numbers, strings and words have the same form in both.
        other => out.push_str(&other.to_string()),
    }
}

fn list<T>((open, close): (char, char), items: &[T], out: &mut String, write: fn(&T, &mut String)) {
    out.push(open);
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        write(item, out);
    }
    out.push(close);
}

/// Writes a finite number with the fewest digits that give it back.
fn decimal(number: f64) -> String {
    let size = number.abs();
    if number == 0.0 {
        "0".to_owned()
    } else if (PLAIN_FROM..PLAIN_BELOW).contains(&size) {
        number.to_string()
    } else {
        let text = format!("{number:e}");
        if text.contains("e-") { text } else { text.replace('e', "e+") }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_has_one_form() {
        let value = json!({
            "b": [1, -7, 0.0, -0.0, 10.0, 0.005, 1e-6, 1e-7, 1.5e-300, 1e20, 1e21, 1.25e300],
            "a": {"\u{e9}": null, "z": true, "\u{1f600}": 1, "\u{fb33}": 2},
            "A": "\u{8}\t\n\u{c}\r\u{1b}\u{7f}\u{202e}\"\\/<\u{e9}",
        });
        let expected = "{\"A\":\"\\b\\t\\n\\f\\r\\u001b\u{7f}\u{202e}\\\"\\\\/<\u{e9}\",\
            \"a\":{\"z\":true,\"\u{e9}\":null,\"\u{1f600}\":1,\"\u{fb33}\":2},\
            \"b\":[1,-7,0,0,10,0.005,0.000001,1e-7,1.5e-300,100000000000000000000,1e+21,1.25e+300]}";
        assert_eq!(text(&value), expected);
        assert_eq!(text(&json!({"a": [], "b": {}})), r#"{"a":[],"b":{}}"#);
    }
}
