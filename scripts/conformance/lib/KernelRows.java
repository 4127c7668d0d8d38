import com.fasterxml.jackson.databind.ObjectMapper;
import io.delta.kernel.Scan;
import io.delta.kernel.Snapshot;
import io.delta.kernel.Table;
import io.delta.kernel.data.ColumnVector;
import io.delta.kernel.data.ColumnarBatch;
import io.delta.kernel.data.FilteredColumnarBatch;
import io.delta.kernel.data.Row;
import io.delta.kernel.defaults.engine.DefaultEngine;
import io.delta.kernel.engine.Engine;
import io.delta.kernel.internal.InternalScanFileUtils;
import io.delta.kernel.internal.data.ScanStateRow;
import io.delta.kernel.internal.util.Utils;
import io.delta.kernel.types.*;
import io.delta.kernel.utils.CloseableIterator;
import java.util.*;
import org.apache.hadoop.conf.Configuration;

/**
 * Reads a Delta table with Delta Kernel, which has a log reader of its own and knows nothing of Spark.
 *
 * <p>usage: java KernelRows.java TABLE APPLICATION. Prints one JSON object a line: first {"version", "txn"}, then the
 * rows; times in microseconds since 1970, bytes in hexadecimal, floats as text.
 */
final class KernelRows {
  private static final ObjectMapper JSON = new ObjectMapper();

  public static void main(String[] args) throws Exception {
    Engine engine = DefaultEngine.create(new Configuration());
    Snapshot snapshot = Table.forPath(engine, args[0]).getLatestSnapshot(engine);
    Map<String, Object> head = new LinkedHashMap<>();
    head.put("version", snapshot.getVersion());
    head.put("txn", snapshot.getLatestTransactionVersion(engine, args[1]).orElse(null));
    System.out.println(JSON.writeValueAsString(head));
    Scan scan = snapshot.getScanBuilder().build();
    Row state = scan.getScanState(engine);
    try (CloseableIterator<FilteredColumnarBatch> files = scan.getScanFiles(engine)) {
      while (files.hasNext()) {
        try (CloseableIterator<Row> rows = files.next().getRows()) {
          while (rows.hasNext()) print(engine, state, rows.next());
        }
      }
    }
  }

  /** Prints the rows of one data file. */
  private static void print(Engine engine, Row state, Row file) throws Exception {
    StructType columns = ScanStateRow.getPhysicalDataReadSchema(state);
    CloseableIterator<ColumnarBatch> read =
        engine
            .getParquetHandler()
            .readParquetFiles(
                Utils.singletonCloseableIterator(InternalScanFileUtils.getAddFileStatus(file)), columns, Optional.empty())
            .map(r -> r.getData());
    try (CloseableIterator<FilteredColumnarBatch> batches = Scan.transformPhysicalData(engine, state, file, read)) {
      while (batches.hasNext()) {
        try (CloseableIterator<Row> rows = batches.next().getRows()) {
          while (rows.hasNext()) System.out.println(JSON.writeValueAsString(record(rows.next())));
        }
      }
    }
  }

  private static Map<String, Object> record(Row row) {
    Map<String, Object> out = new LinkedHashMap<>();
    List<StructField> fields = row.getSchema().fields();
    for (int i = 0; i < fields.size(); i++) out.put(fields.get(i).getName(), field(row, i, fields.get(i).getDataType()));
    return out;
  }

  private static Object field(Row row, int i, DataType type) {
    if (row.isNullAt(i)) return null;
    if (type instanceof StructType) return record(row.getStruct(i));
    if (type instanceof ArrayType) return list(row.getArray(i).getElements(), row.getArray(i).getSize());
    if (type instanceof StringType) return row.getString(i);
    if (type instanceof BinaryType) return HexFormat.of().formatHex(row.getBinary(i));
    if (type instanceof BooleanType) return row.getBoolean(i);
    if (type instanceof DoubleType) return Double.toString(row.getDouble(i));
    return row.getLong(i);
  }

  private static List<Object> list(ColumnVector items, int size) {
    List<Object> out = new ArrayList<>();
    for (int i = 0; i < size; i++) out.add(item(items, i));
    return out;
  }

  private static Object item(ColumnVector v, int i) {
    DataType type = v.getDataType();
    if (v.isNullAt(i)) return null;
    if (type instanceof StructType) {
      Map<String, Object> out = new LinkedHashMap<>();
      List<StructField> fields = ((StructType) type).fields();
      for (int c = 0; c < fields.size(); c++) out.put(fields.get(c).getName(), item(v.getChild(c), i));
      return out;
    }
    if (type instanceof ArrayType) return list(v.getArray(i).getElements(), v.getArray(i).getSize());
    if (type instanceof StringType) return v.getString(i);
    if (type instanceof BinaryType) return HexFormat.of().formatHex(v.getBinary(i));
    if (type instanceof BooleanType) return v.getBoolean(i);
    if (type instanceof DoubleType) return Double.toString(v.getDouble(i));
    return v.getLong(i);
  }
}
