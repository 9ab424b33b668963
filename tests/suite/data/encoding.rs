//! Columns to features: by name, by order, through a schema.

use super::*;
use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, DictionaryArray, Int64Array, RecordBatch, StringViewArray,
};
use arrow::datatypes::Int32Type;
use pellucid::data::{Column, Encoding, Roles, row_id};
use pellucid_tests::fixture;
use std::sync::Arc;

const SCHEMA: &str = r#"
id = ["customer"]

[[column]]
name = "grade"
kind = "ordinal"
categories = ["low", "middle", "high"]
codes = [1, 2.5, 10]

[[column]]
name = "age"
kind = "numeric"

[[column]]
name = "floor"
kind = "one-hot"
categories = [1, 2, "?"]
missing = "?"

[groups]
person = ["grade", "age"]
"#;

#[test]
fn a_schema_encodes_groups_and_shows_raw_values() {
    let schema = Schema::from_toml(SCHEMA).unwrap();
    let (_folder, path) = file("t.csv", "customer,age,floor,grade\n01,39,2,high\n02,,,low\n03,1e3,1,\n");
    let table = open_for(&path, &schema);
    let encoder = Encoder::new(table.schema(), &unnamed(5), Some(&schema), &Roles::default()).unwrap();
    assert_eq!(encoder.feature_names(), ["grade", "age", "floor=1", "floor=2", "floor=?"]);
    let nan = f32::NAN;
    let expected = [10.0, 39.0, 0.0, 1.0, 0.0, 1.0, nan, 0.0, 0.0, 1.0, nan, 1000.0, 1.0, 0.0, 0.0];
    let found = encode_all(&table, &encoder, 2).unwrap().into_raw_vec_and_offset().0;
    assert_eq!(found.map_bits(), expected.to_vec().map_bits());

    let groups: Vec<_> = encoder.default_groups().iter().map(|g| (g.name.as_str(), &g.features[..])).collect();
    assert_eq!(groups, [("person", &[0, 1][..]), ("floor", &[2, 3, 4][..])]);
    let batch = table.batches(9).unwrap().next().unwrap().unwrap();
    let shown: Vec<String> = encoder.default_groups().iter().map(|g| encoder.raw_value(&batch, 0, g).text).collect();
    assert_eq!(shown, ["grade=high, age=39", "2"]);
}

/// Only a player that is one column of numbers is a number; an empty cell is none.
#[test]
fn numbers_and_ids_as_a_reader_sees_them() {
    let schema =
        Schema::from_toml("[[column]]\nname = \"sex\"\nkind = \"one-hot\"\ncategories = [\"0\", \"1\"]").unwrap();
    let (_folder, path) = file("t.csv", "who,where,age,sex\n01,x,39.0,1\n02,,,0\n");
    let roles = Roles { id: names(&["who", "where"]), ignore: vec![] };
    let text = [schema.text_columns(), roles.id.clone()].concat();
    let table = Table::open(&path, &ReadOptions { text, ..ReadOptions::default() }).unwrap();
    let encoder = Encoder::new(table.schema(), &names(&["sex=0", "sex=1", "age"]), Some(&schema), &roles).unwrap();
    let batch = table.batches(9).unwrap().next().unwrap().unwrap();
    let [sex, age] = encoder.default_groups() else { panic!("two players") };
    let shown = |row, group| {
        let value = encoder.raw_value(&batch, row, group);
        (value.text, value.number)
    };
    assert_eq!([shown(0, age), shown(1, age)], [("39".to_string(), Some(39.0)), (String::new(), None)]);
    assert_eq!([shown(0, sex), shown(1, sex)], [("1".to_string(), None), ("0".to_string(), None)]);
    let ids = batch.project(&[0, 1]).unwrap();
    assert_eq!([row_id(&ids, 0), row_id(&ids, 1)], ["who=01, where=x", "who=02, where="]);
    assert_eq!(row_id(&batch.project(&[0]).unwrap(), 0), "01");
    assert_eq!(row_id(&batch.project(&[]).unwrap(), 0), "");
}

trait MapBits {
    fn map_bits(self) -> Vec<u32>;
}
impl MapBits for Vec<f32> {
    fn map_bits(self) -> Vec<u32> {
        self.into_iter().map(|x| if x.is_nan() { u32::MAX } else { x.to_bits() }).collect()
    }
}

/// The fixture's encoded table was made by pandas from the raw one.
#[test]
fn adult_raw_equals_adult_encoded() {
    let schema = Schema::open(fixture("data/adult/schema.json")).unwrap();
    let workclass = schema.columns.iter().find(|c| c.name == "workclass").unwrap();
    assert!(
        matches!(workclass, Column { encoding: Encoding::OneHot { categories }, .. } if categories[4] == "Private")
    );
    let raw = open_for(fixture("data/adult/raw_test.csv"), &schema);
    let encoded = open_for(fixture("data/adult/test.csv"), &schema);
    let encoder = |t: &Table| Encoder::new(t.schema(), &unnamed(53), Some(&schema), &Roles::default()).unwrap();
    let (of_raw, of_encoded) = (encoder(&raw), encoder(&encoded));
    assert_eq!(of_raw.feature_names(), of_encoded.feature_names());
    assert_eq!(of_raw.default_groups(), of_encoded.default_groups());
    assert_eq!(of_raw.default_groups().len(), 12);
    assert_eq!(encode_all(&raw, &of_raw, 64).unwrap(), encode_all(&encoded, &of_encoded, 1000).unwrap());

    let (raw, encoded) = [&raw, &encoded].map(|t| t.batches(10).unwrap().next().unwrap().unwrap()).into();
    for row in 0..10 {
        let shown = |e: &Encoder, b: &RecordBatch| {
            e.default_groups().iter().map(|g| e.raw_value(b, row, g).text).collect::<Vec<_>>()
        };
        assert_eq!(shown(&of_raw, &raw), shown(&of_encoded, &encoded));
    }
}

#[test]
fn by_name_takes_any_order_and_only_the_categories_the_model_has() {
    let schema =
        Schema::from_toml("[[column]]\nname = \"sex\"\nkind = \"one-hot\"\ncategories = [\"f\", \"m\"]").unwrap();
    let (_folder, path) = file("t.csv", "id,sex,age,target\n5,m,30,1\n6,f,40,0\n");
    let table = open_for(&path, &schema);
    let roles = Roles { id: names(&["id"]), ignore: vec![] };
    let encoder = Encoder::new(table.schema(), &names(&["age", "sex=m"]), Some(&schema), &roles).unwrap();
    assert_eq!(encode_all(&table, &encoder, 5).unwrap().into_raw_vec_and_offset().0, [30.0, 1.0, 40.0, 0.0]);
    // An id that the model names is a feature too.
    let encoder = Encoder::new(table.schema(), &names(&["age", "sex=m", "id"]), Some(&schema), &roles).unwrap();
    assert_eq!(encode_all(&table, &encoder, 5).unwrap().row(1).to_vec(), [40.0, 0.0, 6.0]);
}

#[test]
fn every_kind_of_number_is_cast() {
    let dictionary: DictionaryArray<Int32Type> = ["1.5", "2"].into_iter().collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("int", Arc::new(Int64Array::from(vec![Some(-3), None]))),
        ("bool", Arc::new(BooleanArray::from(vec![true, false]))),
        ("decimal", Arc::new(Decimal128Array::from(vec![125, -50]).with_precision_and_scale(5, 2).unwrap())),
        ("text", Arc::new(StringViewArray::from(vec![" 7 ", "NA"]))),
        ("dictionary", Arc::new(dictionary)),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let encoder = Encoder::new(&batch.schema(), &unnamed(5), None, &Roles::default()).unwrap();
    let nan = f32::NAN;
    let expected = vec![-3.0, 1.0, 1.25, 7.0, 1.5, nan, 0.0, -0.5, nan, 2.0];
    assert_eq!(encoder.encode(&batch, 1).unwrap().into_raw_vec_and_offset().0.map_bits(), expected.map_bits());
}
