//! Finds numbers in a document that JSON cannot hold.
//!
//! JSON writers put `null` where a number is infinite or NaN, and no reader takes that for a number again. So a document is
//! checked before it is written, by a serializer that writes nothing.

use serde::ser::{
    Error, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

/// Why a value has no canonical JSON.
#[derive(Debug, thiserror::Error)]
pub enum CanonicalError {
    /// A number is infinite or NaN.
    #[error("`{path}` is {value}, only finite numbers can be written")]
    NotFinite {
        /// The path of the number, for example `transform.columns[0].fill`.
        path: String,
        /// The number: NaN or an infinity.
        value: f64,
    },
    /// A map has keys that are not strings, or a value cannot be serialized.
    #[error("the value has no JSON")]
    Shape(#[source] serde_json::Error),
}

/// Checks every number of a document.
///
/// # Errors
/// Returns the first number that is not finite, with its path.
pub(crate) fn check<T: Serialize + ?Sized>(document: &T) -> Result<(), CanonicalError> {
    document.serialize(FiniteCheck)
}

/// Checks one value.
struct FiniteCheck;

/// Checks the elements of a list or a map; holds the index of the next one.
struct Elements(usize);

impl Elements {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CanonicalError> {
        let index = self.0;
        self.0 += 1;
        check(value).map_err(|error| below(error, &format!("[{index}]")))
    }
}

fn field<T: Serialize + ?Sized>(key: &str, value: &T) -> Result<(), CanonicalError> {
    check(value).map_err(|error| below(error, key))
}

/// Prefixes the path of an error with the field or index that led to it.
fn below(error: CanonicalError, step: &str) -> CanonicalError {
    match error {
        CanonicalError::NotFinite { path, value } => {
            let dot = if path.is_empty() || path.starts_with('[') {
                ""
            } else {
                "."
            };
            let path = format!("{step}{dot}{path}");
            CanonicalError::NotFinite { path, value }
        }
        shape @ CanonicalError::Shape(_) => shape,
    }
}

/// Returns the text of a map's key, for a path.
fn name<K: Serialize + ?Sized>(key: &K) -> String {
    serde_json::to_value(key).map_or_else(
        |_| "?".to_owned(),
        |key| key.as_str().map_or_else(|| key.to_string(), str::to_owned),
    )
}

impl Error for CanonicalError {
    fn custom<T: std::fmt::Display>(what: T) -> Self {
        Self::Shape(serde_json::Error::custom(what))
    }
}

impl Serializer for FiniteCheck {
    type Ok = ();
    type Error = CanonicalError;
    type SerializeSeq = Elements;
    type SerializeTuple = Elements;
    type SerializeTupleStruct = Elements;
    type SerializeTupleVariant = Elements;
    type SerializeMap = Elements;
    type SerializeStruct = Elements;
    type SerializeStructVariant = Elements;

    fn serialize_f64(self, value: f64) -> Result<(), CanonicalError> {
        if value.is_finite() {
            return Ok(());
        }
        let path = String::new();
        Err(CanonicalError::NotFinite { path, value })
    }

    fn serialize_f32(self, value: f32) -> Result<(), CanonicalError> {
        self.serialize_f64(value.into())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), CanonicalError> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), CanonicalError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), CanonicalError> {
        field(variant, value)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Elements, CanonicalError> {
        Ok(Elements(0))
    }

    fn serialize_tuple(self, _: usize) -> Result<Elements, CanonicalError> {
        Ok(Elements(0))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Elements, CanonicalError> {
        Ok(Elements(0))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Elements, CanonicalError> {
        Ok(Elements(0))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Elements, CanonicalError> {
        Ok(Elements(0))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Elements, CanonicalError> {
        Ok(Elements(0))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Elements, CanonicalError> {
        Ok(Elements(0))
    }

    fn serialize_none(self) -> Result<(), CanonicalError> {
        Ok(())
    }

    fn serialize_unit(self) -> Result<(), CanonicalError> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<(), CanonicalError> {
        Ok(())
    }

    fn serialize_bool(self, _: bool) -> Result<(), CanonicalError> {
        Ok(())
    }

    fn serialize_i8(self, _: i8) -> Result<(), CanonicalError> {
        Ok(())
    }

    fn serialize_i16(self, _: i16) -> Result<(), CanonicalError> {
        Ok(())
    }

    fn serialize_i32(self, _: i32) -> Result<(), CanonicalError> {
        Ok(())
    }

    fn serialize_i64(self, _: i64) -> Result<(), CanonicalError> {
        Ok(())
    }

    fn serialize_i128(self, _: i128) -> Result<(), CanonicalError> {
        Ok(())
    }

    fn serialize_u8(self, _: u8) -> Result<(), CanonicalError> {
        Ok(())
    }

    fn serialize_u16(self, _: u16) -> Result<(), CanonicalError> {
        Ok(())
    }

    fn serialize_u32(self, _: u32) -> Result<(), CanonicalError> {
        Ok(())
    }

    fn serialize_u64(self, _: u64) -> Result<(), CanonicalError> {
        Ok(())
    }

    fn serialize_u128(self, _: u128) -> Result<(), CanonicalError> {
        Ok(())
    }

    fn serialize_char(self, _: char) -> Result<(), CanonicalError> {
        Ok(())
    }

    fn serialize_str(self, _: &str) -> Result<(), CanonicalError> {
        Ok(())
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), CanonicalError> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), CanonicalError> {
        Ok(())
    }
}

impl SerializeSeq for Elements {
    type Ok = ();
    type Error = CanonicalError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CanonicalError> {
        self.item(value)
    }

    fn end(self) -> Result<(), CanonicalError> {
        Ok(())
    }
}

impl SerializeTuple for Elements {
    type Ok = ();
    type Error = CanonicalError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CanonicalError> {
        self.item(value)
    }

    fn end(self) -> Result<(), CanonicalError> {
        Ok(())
    }
}

impl SerializeTupleStruct for Elements {
    type Ok = ();
    type Error = CanonicalError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CanonicalError> {
        self.item(value)
    }

    fn end(self) -> Result<(), CanonicalError> {
        Ok(())
    }
}

impl SerializeTupleVariant for Elements {
    type Ok = ();
    type Error = CanonicalError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CanonicalError> {
        self.item(value)
    }

    fn end(self) -> Result<(), CanonicalError> {
        Ok(())
    }
}

impl SerializeStruct for Elements {
    type Ok = ();
    type Error = CanonicalError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), CanonicalError> {
        field(key, value)
    }

    fn end(self) -> Result<(), CanonicalError> {
        Ok(())
    }
}

impl SerializeStructVariant for Elements {
    type Ok = ();
    type Error = CanonicalError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), CanonicalError> {
        field(key, value)
    }

    fn end(self) -> Result<(), CanonicalError> {
        Ok(())
    }
}

impl SerializeMap for Elements {
    type Ok = ();
    type Error = CanonicalError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, _: &T) -> Result<(), CanonicalError> {
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CanonicalError> {
        self.item(value)
    }

    fn serialize_entry<K: Serialize + ?Sized, V: Serialize + ?Sized>(
        &mut self,
        key: &K,
        value: &V,
    ) -> Result<(), CanonicalError> {
        check(value).map_err(|error| below(error, &name(key)))
    }

    fn end(self) -> Result<(), CanonicalError> {
        Ok(())
    }
}
