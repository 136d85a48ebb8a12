//! `single-line-text`, `long-text`, `email`, `url` and `phone-number`.

use serde_json::{Value as Json, json};

use crate::fields::control::Control;
use crate::fields::schema::Shapes;
use crate::fields::{Family, Misfit, Options, escape};
use crate::model::field::FieldKind;
use crate::model::value::Value;

/// The maximal length of a text, in bytes.
const MAX_TEXT: usize = 100_000;

pub(super) struct TextFamily;

impl Family for TextFamily {
    fn types(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("single-line-text", "One line of text."),
            ("long-text", "Text over several lines, 100,000 bytes at most."),
            ("email", "An e-mail address. Its cell starts a message."),
            ("url", "An http, https or mailto address. Its cell is a link."),
            ("phone-number", "A telephone number: digits, spaces and `+-()/.`. Its cell calls it."),
        ]
    }

    fn options(&self, _: &str) -> &'static [&'static str] {
        &[]
    }

    fn kind(&self, type_name: &str, _: &Options) -> Result<FieldKind, Misfit> {
        Ok(match type_name {
            "long-text" => FieldKind::LongText,
            "email" => FieldKind::Email,
            "url" => FieldKind::Url,
            "phone-number" => FieldKind::PhoneNumber,
            _ => FieldKind::SingleLineText,
        })
    }

    fn has(&self, kind: &FieldKind) -> bool {
        use FieldKind::{Email, LongText, PhoneNumber, SingleLineText, Url};
        matches!(kind, SingleLineText | LongText | Email | Url | PhoneNumber)
    }

    fn parse(&self, kind: &FieldKind, json: &Json) -> Result<Value, Misfit> {
        let Json::String(text) = json else {
            return Err(Misfit::value(format!("must be text, got {json}")));
        };
        if text.len() > MAX_TEXT {
            return Err(Misfit::value(format!("must be at most {MAX_TEXT} bytes of text")));
        }
        if text.contains('\0') {
            return Err(Misfit::value("must not hold the character U+0000"));
        }
        check(kind, text)?;
        Ok(Value::text(text.as_str()))
    }

    fn write_cell(&self, kind: &FieldKind, value: &Value, html: &mut String) {
        let Value::Text(text) = value else { return };
        let scheme = match kind {
            FieldKind::Email => "mailto:",
            FieldKind::PhoneNumber => "tel:",
            FieldKind::Url if is_web_address(text) => "",
            _ => return escape(text, html),
        };
        html.push_str(r#"<a href=""#);
        html.push_str(scheme);
        escape(text, html);
        html.push_str(r#"">"#);
        escape(text, html);
        html.push_str("</a>");
    }

    fn shapes(&self, kind: &FieldKind) -> Shapes {
        let text = json!({ "type": "string", "maxLength": MAX_TEXT });
        let with = |more: Json| {
            let mut shape = text.clone();
            for (key, value) in more.as_object().into_iter().flatten() {
                shape[key] = value.clone();
            }
            Shapes::same(shape)
        };
        match kind {
            FieldKind::LongText => with(json!({ "examples": ["One line\nand another"] })),
            FieldKind::Email => with(json!({ "format": "email", "examples": ["ada@example.org"] })),
            FieldKind::Url => with(json!({
                "format": "uri",
                "description": "An http, https or mailto address.",
                "examples": ["https://example.org/"],
            })),
            FieldKind::PhoneNumber => with(json!({
                "pattern": "^[-0-9+()/. ]{3,}$",
                "examples": ["+41 44 268 12 12"],
            })),
            _ => with(json!({ "pattern": r"^[^\n\r]*$", "examples": ["Some text"] })),
        }
    }

    fn control(&self, kind: &FieldKind) -> Option<Control> {
        Some(match kind {
            FieldKind::LongText => Control::LongText,
            FieldKind::Email => Control::Email,
            FieldKind::Url => Control::Url,
            FieldKind::PhoneNumber => Control::Tel,
            _ => Control::Text,
        })
    }

    fn typed(&self, kind: &FieldKind, text: &str) -> Json {
        match kind {
            // Browsers send line ends as CRLF (HTML standard, form submission).
            FieldKind::LongText => Json::from(text.replace("\r\n", "\n")),
            FieldKind::Email | FieldKind::Url | FieldKind::PhoneNumber => Json::from(text.trim()),
            _ => Json::from(text),
        }
    }
}

fn check(kind: &FieldKind, text: &str) -> Result<(), Misfit> {
    let got = Json::from(text);
    if *kind != FieldKind::LongText && text.contains(['\n', '\r']) {
        return Err(Misfit::value("must be a single line"));
    }
    match kind {
        FieldKind::Email if !validator::ValidateEmail::validate_email(&text) => {
            Err(Misfit::value(format!("must be an e-mail address, got {got}")))
        }
        FieldKind::Url if !is_web_address(text) => {
            Err(Misfit::value("must be an http, https or mailto address"))
        }
        FieldKind::PhoneNumber if !is_phone_number(text) => {
            Err(Misfit::value(format!("must be a telephone number, got {got}")))
        }
        _ => Ok(()),
    }
}

/// Whether a text is safe in `href`. Cells check it again, since another program may have written any text into
/// the column.
fn is_web_address(text: &str) -> bool {
    let scheme = text.split(':').next().unwrap_or_default().to_ascii_lowercase();
    let known = ["http", "https", "mailto"].contains(&scheme.as_str());
    known && text.len() > scheme.len() + 1 && !text.contains(|c: char| c.is_control() || c == ' ')
}

fn is_phone_number(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    (3..=20).contains(&digits) && text.chars().all(|c| c.is_ascii_digit() || "+-()/. ".contains(c))
}
