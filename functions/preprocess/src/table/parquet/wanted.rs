//! Selects the columns that can matter: numbers, times and text at the top of the schema. Of all others only the names
//! are read.

use parquet::{
    basic::{ConvertedType, LogicalType, Type as Physical},
    file::metadata::FileMetaData,
    schema::types::{ColumnDescriptor, Type},
};

/// The largest number of digits of a decimal that is read.
const DIGITS: i32 = 38;

/// A column at the top of the schema.
pub(super) struct Wanted {
    pub(super) name: String,
    /// Its index among the columns with values; `None` when it is not read.
    pub(super) leaf: Option<usize>,
    /// Whether it holds floating-point numbers of two bytes.
    pub(super) half: bool,
}

/// Returns the columns at the top of the schema, in the order of the file.
pub(super) fn of(meta: &FileMetaData) -> Vec<Wanted> {
    let leaves = meta.schema_descr();
    let mut next = 0;
    let wanted = |field: &std::sync::Arc<Type>| {
        let first = next;
        next += count(field);
        // A group without columns has no leaf.
        let leaf = (field.is_primitive() && first < leaves.num_columns()).then(|| leaves.column(first));
        let leaf = leaf.filter(|leaf| leaf.max_rep_level() == 0 && matters(leaf));
        Wanted {
            name: field.name().to_owned(),
            half: leaf.as_ref().is_some_and(|leaf| is_half(leaf)),
            leaf: leaf.map(|_| first),
        }
    };
    meta.schema().get_fields().iter().map(wanted).collect()
}

/// Returns the number of columns with values below a field.
fn count(field: &Type) -> usize {
    if field.is_group() {
        field.get_fields().iter().map(|field| count(field)).sum()
    } else {
        1
    }
}

fn matters(column: &ColumnDescriptor) -> bool {
    let digits = column.type_precision();
    match (
        column.physical_type(),
        column.logical_type_ref(),
        column.converted_type(),
    ) {
        (_, Some(LogicalType::Decimal { .. }), _) | (_, _, ConvertedType::DECIMAL) => (1..=DIGITS).contains(&digits),
        // A time of day is not a time, and a column of nulls only may have any type.
        (_, Some(LogicalType::Time { .. } | LogicalType::Unknown), _)
        | (_, _, ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS) => false,
        (
            Physical::BOOLEAN
            | Physical::INT32
            | Physical::INT64
            | Physical::INT96
            | Physical::FLOAT
            | Physical::DOUBLE,
            _,
            _,
        ) => true,
        (Physical::BYTE_ARRAY, logical, converted) => {
            matches!(logical, Some(LogicalType::String | LogicalType::Enum))
                || matches!(converted, ConvertedType::UTF8 | ConvertedType::ENUM)
        }
        (Physical::FIXED_LEN_BYTE_ARRAY, ..) => is_half(column),
    }
}

fn is_half(column: &ColumnDescriptor) -> bool {
    column.logical_type_ref() == Some(&LogicalType::Float16) && column.type_length() == 2
}
