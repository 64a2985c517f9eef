//! Finds the number in a document that JSON cannot hold.
//!
//! Writers of JSON put `null` where a number is infinite or NaN, and no reader takes that for a number again. So a document
//! is walked before it is written.

use serde::ser::{
    Error, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use crate::CanonicalError;

/// Looks at every number of a document and stops at the first that is not finite.
pub(crate) fn check<T: Serialize + ?Sized>(document: &T) -> Result<(), CanonicalError> {
    document.serialize(Walk)
}

/// Walks one value.
struct Walk;

/// Walks the values of a list or a map; knows the place of the next one.
struct Values(usize);

impl Values {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CanonicalError> {
        let index = self.0;
        self.0 += 1;
        check(value).map_err(|error| below(error, &format!("[{index}]")))
    }
}

fn field<T: Serialize + ?Sized>(key: &str, value: &T) -> Result<(), CanonicalError> {
    check(value).map_err(|error| below(error, key))
}

/// Puts the step that led to a value before the path of what was found in it.
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

/// The text of a map's key, for a path.
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

impl Serializer for Walk {
    type Ok = ();
    type Error = CanonicalError;
    type SerializeSeq = Values;
    type SerializeTuple = Values;
    type SerializeTupleStruct = Values;
    type SerializeTupleVariant = Values;
    type SerializeMap = Values;
    type SerializeStruct = Values;
    type SerializeStructVariant = Values;

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

    fn serialize_seq(self, _: Option<usize>) -> Result<Values, CanonicalError> {
        Ok(Values(0))
    }

    fn serialize_tuple(self, _: usize) -> Result<Values, CanonicalError> {
        Ok(Values(0))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Values, CanonicalError> {
        Ok(Values(0))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Values, CanonicalError> {
        Ok(Values(0))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Values, CanonicalError> {
        Ok(Values(0))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Values, CanonicalError> {
        Ok(Values(0))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Values, CanonicalError> {
        Ok(Values(0))
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

impl SerializeSeq for Values {
    type Ok = ();
    type Error = CanonicalError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CanonicalError> {
        self.item(value)
    }

    fn end(self) -> Result<(), CanonicalError> {
        Ok(())
    }
}

impl SerializeTuple for Values {
    type Ok = ();
    type Error = CanonicalError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CanonicalError> {
        self.item(value)
    }

    fn end(self) -> Result<(), CanonicalError> {
        Ok(())
    }
}

impl SerializeTupleStruct for Values {
    type Ok = ();
    type Error = CanonicalError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CanonicalError> {
        self.item(value)
    }

    fn end(self) -> Result<(), CanonicalError> {
        Ok(())
    }
}

impl SerializeTupleVariant for Values {
    type Ok = ();
    type Error = CanonicalError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CanonicalError> {
        self.item(value)
    }

    fn end(self) -> Result<(), CanonicalError> {
        Ok(())
    }
}

impl SerializeStruct for Values {
    type Ok = ();
    type Error = CanonicalError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), CanonicalError> {
        field(key, value)
    }

    fn end(self) -> Result<(), CanonicalError> {
        Ok(())
    }
}

impl SerializeStructVariant for Values {
    type Ok = ();
    type Error = CanonicalError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), CanonicalError> {
        field(key, value)
    }

    fn end(self) -> Result<(), CanonicalError> {
        Ok(())
    }
}

impl SerializeMap for Values {
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
