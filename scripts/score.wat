;; models/score.wasm: the inner products that rank passages, two float64 lanes at a time.
;;
;;     npx --package wabt wat2wasm scripts/score.wat --output models/score.wasm
(module
  (memory (export "memory") 1)
  ;; scores[row] = inner product of the query (float64, dim values) with each of count rows (float32, dim values);
  ;; dim is a multiple of 4: shorter vectors are padded with zeros. The sums are those of innerProduct in
  ;; src/search/inner-product.ts, lane for lane.
  (func (export "score") (param $query i32) (param $rows i32) (param $count i32) (param $dim i32) (param $scores i32)
    (local $q i32) (local $end i32) (local $s01 v128) (local $s23 v128)
    (local.set $end (i32.add (local.get $query) (i32.shl (local.get $dim) (i32.const 3))))
    (block $done
      (loop $row
        (br_if $done (i32.eqz (local.get $count)))
        (local.set $s01 (v128.const f64x2 0 0))
        (local.set $s23 (v128.const f64x2 0 0))
        (local.set $q (local.get $query))
        (loop $step
          (local.set $s01 (f64x2.add (local.get $s01) (f64x2.mul (v128.load (local.get $q))
            (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $rows))))))
          (local.set $s23 (f64x2.add (local.get $s23) (f64x2.mul (v128.load offset=16 (local.get $q))
            (f64x2.promote_low_f32x4 (v128.load64_zero offset=8 (local.get $rows))))))
          (local.set $rows (i32.add (local.get $rows) (i32.const 16)))
          (br_if $step (i32.lt_u (local.tee $q (i32.add (local.get $q) (i32.const 32))) (local.get $end))))
        (f64.store (local.get $scores) (f64.add
          (f64.add (f64x2.extract_lane 0 (local.get $s01)) (f64x2.extract_lane 1 (local.get $s01)))
          (f64.add (f64x2.extract_lane 0 (local.get $s23)) (f64x2.extract_lane 1 (local.get $s23)))))
        (local.set $scores (i32.add (local.get $scores) (i32.const 8)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $row)))))
