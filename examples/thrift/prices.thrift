service Prices {
  i32 cents(1: string sku)
}
