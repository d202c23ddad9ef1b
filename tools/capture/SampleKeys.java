import java.net.URI;
import java.util.HashMap;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.hdds.client.RatisReplicationConfig;
import org.apache.hadoop.hdds.client.ReplicationConfig;
import org.apache.hadoop.hdds.conf.OzoneConfiguration;
import org.apache.hadoop.hdds.protocol.proto.HddsProtos.ReplicationFactor;
import org.apache.hadoop.ozone.client.OzoneBucket;
import org.apache.hadoop.ozone.client.OzoneClientFactory;
import org.apache.hadoop.ozone.client.OzoneVolume;
import org.apache.hadoop.ozone.client.io.OzoneOutputStream;

/** Puts into the sample what no shell command makes: keys with several versions, with metadata and tags, and an hsync'd file. */
public class SampleKeys {
  private static final ReplicationConfig THREE = RatisReplicationConfig.getInstance(ReplicationFactor.THREE);

  public static void main(String[] args) throws Exception {
    OzoneVolume volume = OzoneClientFactory.getRpcClient(new OzoneConfiguration()).getObjectStore().getVolume("vol2");
    OzoneBucket bucket = volume.getBucket("versioned");
    bucket.setVersioning(true);
    for (int size : new int[] {12, 2000, 3 << 20}) {
      write(bucket, "three-versions", size, Map.of(), Map.of());
    }
    write(bucket, "one-version", 100, Map.of(), Map.of());
    write(bucket, "described", 100, Map.of("colour", "blue", "empty", ""), Map.of("team", "données", "cost", "1"));

    Configuration conf = new OzoneConfiguration();
    conf.set("fs.ofs.impl", "org.apache.hadoop.fs.ozone.RootedOzoneFileSystem");
    FileSystem files = FileSystem.get(URI.create("ofs://localhost:9862/"), conf);
    FSDataOutputStream open = files.create(new Path("/vol2/warehouse/table/hsynced"));
    open.write(new byte[2000]);
    open.hsync();
    Runtime.getRuntime().halt(0);  // the file must stay open
  }

  private static void write(OzoneBucket bucket, String key, int size, Map<String, String> metadata, Map<String, String> tags)
      throws Exception {
    try (OzoneOutputStream out = bucket.createKey(key, size, THREE, new HashMap<>(metadata), new HashMap<>(tags))) {
      out.write(new byte[size]);
    }
  }
}
