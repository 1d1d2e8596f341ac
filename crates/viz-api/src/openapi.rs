//! The OpenAPI document: what this crate's routes are, and the part of another surface.

use serde_json::{Map, Value};

/// The document of this crate's routes, as it is served where there is no other surface.
pub const OPENAPI: &str = include_str!("openapi.json");

/// Returns the document with a surface's part.
///
/// Both are texts of this program, so one that can't be read is a fault of its own, which tests of
/// the surface see; it is logged, and the document served without the part.
pub(crate) fn with_part(document: &str, part: &str) -> String {
    merged(document, part).unwrap_or_else(|error| {
        tracing::error!(%error, "a surface's part of the OpenAPI document can't be used");
        document.to_owned()
    })
}

/// Why a part can't be used.
#[derive(Debug, thiserror::Error)]
enum PartError {
    #[error("it is not JSON: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("{0} has another form than in a document")]
    Form(&'static str),
    #[error("the path {0} is there already")]
    Path(String),
}

fn merged(document: &str, part: &str) -> Result<String, PartError> {
    let mut document: Value = serde_json::from_str(document)?;
    let mut part: Value = serde_json::from_str(part)?;
    field(&mut document, "tags", Value::as_array_mut)?.append(field(
        &mut part,
        "tags",
        Value::as_array_mut,
    )?);
    let paths = field(&mut document, "paths", Value::as_object_mut)?;
    for (path, item) in std::mem::take(field(&mut part, "paths", Value::as_object_mut)?) {
        if paths.insert(path.clone(), item).is_some() {
            return Err(PartError::Path(path));
        }
    }
    let components = field(&mut document, "components", Value::as_object_mut)?;
    for (kind, mut named) in std::mem::take(field(&mut part, "components", Value::as_object_mut)?) {
        let known = components.entry(kind).or_insert_with(|| Map::new().into()).as_object_mut();
        let both = known.zip(named.as_object_mut()).ok_or(PartError::Form("components"))?;
        both.0.append(both.1);
    }
    Ok(document.to_string())
}

fn field<'a, T>(
    value: &'a mut Value,
    name: &'static str,
    of: impl FnOnce(&'a mut Value) -> Option<&'a mut T>,
) -> Result<&'a mut T, PartError> {
    value.get_mut(name).and_then(of).ok_or(PartError::Form(name))
}

#[cfg(test)]
mod tests;
