struct Leaf {
  1: i32 id
  2: string name
}

struct Nested {
  1: Leaf leaf
  2: list<Leaf> leaves
  3: map<string, Leaf> byName
}

exception Oops {
  1: string why
}

service Service {
  i32 add(1: i32 a, 2: i32 b)
  string echo(1: string s)
  Nested nest(1: Nested n)
  void ping()
  oneway void fire(1: string s)
  i32 declared(1: string why) throws (1: Oops oops)
  i32 undeclared(1: string why)
  binary big(1: binary bytes)
}
