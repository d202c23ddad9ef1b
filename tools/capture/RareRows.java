import java.util.HashMap;
import org.apache.hadoop.hdds.client.RatisReplicationConfig;
import org.apache.hadoop.hdds.conf.OzoneConfiguration;
import org.apache.hadoop.hdds.protocol.proto.HddsProtos.ReplicationFactor;
import org.apache.hadoop.ozone.client.ObjectStore;
import org.apache.hadoop.ozone.client.OzoneBucket;
import org.apache.hadoop.ozone.client.OzoneClientFactory;
import org.apache.hadoop.ozone.client.io.OzoneOutputStream;

/** Makes rows of tables that are empty in the sample: S3 secrets, a tenant and who may use it, and OM's log of compactions. */
public class RareRows {
  public static void main(String[] args) throws Exception {
    ObjectStore store = OzoneClientFactory.getRpcClient(new OzoneConfiguration()).getObjectStore();
    store.getS3Secret("alice");
    store.getS3Secret("bob/admin@EXAMPLE.COM");
    store.setS3Secret("bob/admin@EXAMPLE.COM", "a secret of his own");
    store.createTenant("acme");
    store.tenantAssignUserAccessId("alice", "acme", "acme$alice");
    store.tenantAssignUserAccessId("bob", "acme", "acme$bob");
    store.tenantAssignAdmin("acme$bob", "acme", true);
    store.createTenant("beta");
    store.tenantAssignUserAccessId("alice", "beta", "beta$alice");

    // There is nothing to finalize, but OM writes down its layout version.
    store.getClientProxy().getOzoneManagerClient().finalizeUpgrade("rare-rows");

    store.createVolume("vol");
    store.getVolume("vol").createBucket("bucket");
    OzoneBucket bucket = store.getVolume("vol").getBucket("bucket");
    // A snapshot flushes OM's tables; from the fourth file on RocksDB compacts them, and OM notes that.
    for (int round = 0; round < 12; round++) {
      for (int key = 0; key < 3; key++) {
        var one = RatisReplicationConfig.getInstance(ReplicationFactor.ONE);
        try (OzoneOutputStream out = bucket.createKey("key" + (round + key), 10, one, new HashMap<>())) {
          out.write(new byte[10]);
        }
      }
      store.createSnapshot("vol", "bucket", "snap" + round);
    }
  }
}
